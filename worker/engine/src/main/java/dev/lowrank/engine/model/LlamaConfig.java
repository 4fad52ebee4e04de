package dev.lowrank.engine.model;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * The numbers of a Llama-architecture model, from its {@code config.json}.
 *
 * @param width C, the model's hidden size
 * @param feedForward F, the width inside the feed-forward block
 * @param heads H, query heads
 * @param kvHeads G, key-value heads
 * @param headWidth D
 * @param tiedHead the output projection is the embedding table
 */
public record LlamaConfig(
        int vocabulary,
        int width,
        int feedForward,
        int layers,
        int heads,
        int kvHeads,
        int headWidth,
        float normEpsilon,
        double ropeTheta,
        int maxPositions,
        boolean tiedHead) {
    /**
     * Reads and checks a {@code config.json}.
     *
     * @param file where it came from, for messages
     * @throws InputException naming the key that is missing, out of range or not supported
     */
    public static LlamaConfig read(JsonNode json, Path file) {
        Reader in = new Reader(json, file);
        in.mustBe("model_type", "llama");
        in.mustBeAbsentOr("hidden_act", "silu");
        for (String key : List.of("attention_bias", "mlp_bias")) {
            in.mustBeAbsentOrFalse(key);
        }
        for (String key : List.of("quantization_config", "sliding_window", "partial_rotary_factor")) {
            in.mustBeAbsent(key);
        }
        int width = in.positive("hidden_size", 1 << 20);
        int heads = in.positive("num_attention_heads", 1 << 14);
        int kvHeads = json.hasNonNull("num_key_value_heads") ? in.positive("num_key_value_heads", 1 << 14) : heads;
        int headWidth = json.hasNonNull("head_dim") ? in.positive("head_dim", 1 << 14) : width / heads;
        if (heads % kvHeads != 0) {
            throw in.wrong("num_attention_heads", "must be a multiple of num_key_value_heads (%d)".formatted(kvHeads));
        }
        if (!json.hasNonNull("head_dim") && width % heads != 0) {
            throw in.wrong("hidden_size", "must be a multiple of num_attention_heads where head_dim is not given");
        }
        if (headWidth % 2 != 0) {
            throw in.wrong("head_dim", "must be even, since rotary positions turn pairs");
        }
        return new LlamaConfig(
                in.positive("vocab_size", 1 << 24),
                width,
                in.positive("intermediate_size", 1 << 22),
                in.positive("num_hidden_layers", 1 << 12),
                heads,
                kvHeads,
                headWidth,
                (float) in.number("rms_norm_eps"),
                in.ropeTheta(),
                in.positive("max_position_embeddings", 1 << 26),
                json.path("tie_word_embeddings").asBoolean(false));
    }

    private record Reader(JsonNode json, Path file) {
        InputException wrong(String key, String must) {
            String value = json.path(key).toString();
            return new InputException("\"%s\" in %s is %s, but %s."
                    .formatted(key, file, value.length() > 80 ? value.substring(0, 77) + "…" : value, must));
        }

        void mustBe(String key, String value) {
            if (!json.hasNonNull(key)) {
                throw new InputException("%s has no \"%s\"; a Hugging Face model folder names its architecture there."
                        .formatted(file, key));
            }
            mustBeAbsentOr(key, value);
        }

        void mustBeAbsentOr(String key, String value) {
            if (json.hasNonNull(key) && !json.get(key).asString("").equals(value)) {
                throw wrong(key, "this version supports only \"%s\"".formatted(value));
            }
        }

        void mustBeAbsentOrFalse(String key) {
            if (json.hasNonNull(key) && json.get(key).asBoolean(true)) {
                throw wrong(key, "this version supports only false");
            }
        }

        void mustBeAbsent(String key) {
            if (json.hasNonNull(key)) {
                throw wrong(key, "this version does not support that setting, which changes the numbers");
            }
        }

        int positive(String key, int most) {
            JsonNode value = json.path(key);
            if (value.isMissingNode() || value.isNull()) {
                throw new InputException("%s has no \"%s\"; a Llama model needs it.".formatted(file, key));
            }
            if (!value.isIntegralNumber()
                    || !value.canConvertToInt()
                    || value.intValue() < 1
                    || value.intValue() > most) {
                throw wrong(key, "must be a whole number between 1 and %d".formatted(most));
            }
            return value.intValue();
        }

        double number(String key) {
            JsonNode value = json.path(key);
            if (!value.isNumber() || !(value.doubleValue() > 0)) {
                throw wrong(key, "must be a positive number");
            }
            return value.doubleValue();
        }

        /** From the newer {@code rope_parameters}, else from {@code rope_theta}; never a silent default. */
        double ropeTheta() {
            JsonNode newer = json.path("rope_parameters");
            JsonNode older = json.path("rope_scaling");
            for (JsonNode rope : List.of(newer, older)) {
                String type = rope.path("rope_type").asString(rope.path("type").asString("default"));
                if (!type.equals("default")) {
                    throw wrong(
                            rope == newer ? "rope_parameters" : "rope_scaling",
                            "this version supports only the default rotary positions, without scaling");
                }
            }
            JsonNode theta = newer.hasNonNull("rope_theta") ? newer.get("rope_theta") : json.path("rope_theta");
            if (!theta.isNumber() || !(theta.doubleValue() > 0)) {
                throw new InputException(
                        "%s gives no rotary base: put \"rope_theta\" (or \"rope_parameters\": {\"rope_theta\"}) there; Llama 2 used 10000, Llama 3 500000."
                                .formatted(file));
            }
            return theta.doubleValue();
        }
    }
}
