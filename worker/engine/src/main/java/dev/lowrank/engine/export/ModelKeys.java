package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The hyper-parameters of a model under the names llama.cpp reads, and what it computes otherwise than transformers.
 *
 * @param values by whole key
 * @param factors extra tensors of rotary factors, by name
 * @param notes what a person should know
 */
record ModelKeys(Map<String, GgufValue> values, Map<String, float[]> factors, List<String> notes) {
    private static final int GEMMA2_PERIOD = 2;
    private static final int GEMMA3_PERIOD = 6;
    private static final int SMOLLM3_PERIOD = 4;

    /** @throws InputException if the configuration asks for something llama.cpp does not compute in this family */
    static ModelKeys read(Family family, Settings config, Dimensions dimensions) {
        return new Reading(family, config, dimensions).keys();
    }

    /** One reading of one configuration. */
    private static final class Reading {
        private final Family family;
        private final Settings config;
        private final Dimensions dimensions;
        private final Map<String, GgufValue> values = new LinkedHashMap<>();
        private final List<String> notes = new ArrayList<>();

        Reading(Family family, Settings config, Dimensions dimensions) {
            this.family = family;
            this.config = config;
            this.dimensions = dimensions;
        }

        ModelKeys keys() {
            checkCommon();
            put("vocab_size", dimensions.vocabulary());
            put("embedding_length", dimensions.width());
            put("block_count", dimensions.blocks());
            put("feed_forward_length", dimensions.feedForward());
            put("attention.head_count", dimensions.heads());
            Map<String, float[]> factors = Map.of();
            int positions = dimensions.positions();
            if (family == Family.GPT2) {
                gpt2();
            } else {
                Rope rope = Rope.read(family, config, dimensions);
                rotary(rope);
                positions = Math.min(rope.positions(), unwindowed());
                factors = rope.factors();
                notes.addAll(rope.notes());
            }
            put("context_length", positions);
            return new ModelKeys(values, factors, notes);
        }

        private void put(String key, long value) {
            values.put(family.architecture() + "." + key, GgufValue.u32(value));
        }

        private void put(String key, double value) {
            values.put(family.architecture() + "." + key, GgufValue.f32(value));
        }

        private void checkCommon() {
            if (config.has("quantization_config")) {
                throw config.inexpressible("quantization_config", "GGUF is made from weights of 16 or 32 bits");
            }
            String key = family.isGemma()
                    ? "hidden_activation"
                    : family == Family.GPT2 ? "activation_function" : "hidden_act";
            String activation = config.text(key, family.activation());
            boolean tanhForm = family == Family.GPT2 && activation.equals("gelu_pytorch_tanh");
            if (!activation.equals(family.activation()) && !tanhForm) {
                throw config.inexpressible(key, "llama.cpp computes %s in this family".formatted(family.activation()));
            }
        }

        private void gpt2() {
            put("attention.layer_norm_epsilon", config.number("layer_norm_epsilon", 1e-5));
            config.mustBe("scale_attn_weights", true, "llama.cpp always scales attention");
            for (String key : List.of("scale_attn_by_inverse_layer_idx", "add_cross_attention")) {
                config.mustBe(key, false, "llama.cpp does not compute that");
            }
        }

        private void rotary(Rope rope) {
            put("attention.head_count_kv", dimensions.kvHeads());
            put("attention.key_length", dimensions.headWidth());
            put("attention.value_length", dimensions.headWidth());
            put("attention.layer_norm_rms_epsilon", config.number("rms_norm_eps"));
            rope.keys().forEach((key, value) -> values.put(family.architecture() + "." + key, value));
            switch (family) {
                case GEMMA2 -> gemma2();
                case GEMMA3 -> gemma3();
                case PHI3 -> put("attention.sliding_window", 0);
                case SMOLLM3 -> smollm3();
                default -> {}
            }
        }

        private void gemma2() {
            put("attention.sliding_window", config.positive("sliding_window"));
            put("attn_logit_softcapping", config.number("attn_logit_softcapping"));
            put("final_logit_softcapping", config.number("final_logit_softcapping"));
            config.mustBe("tie_word_embeddings", true, "llama.cpp has no separate head in this family");
            checkAlternation(GEMMA2_PERIOD);
            checkScale(46);
        }

        private void gemma3() {
            put("attention.sliding_window", config.positive("sliding_window"));
            for (String key : List.of("attn_logit_softcapping", "final_logit_softcapping")) {
                if (config.has(key)) {
                    throw config.inexpressible(key, "llama.cpp caps nothing in this family");
                }
            }
            config.mustBe(
                    "use_bidirectional_attention", false, "llama.cpp reads text from one side only in this family");
            checkAlternation(GEMMA3_PERIOD);
            checkScale(62);
        }

        /** llama.cpp knows which layers slide by a fixed period: the last of each period sees everything. */
        private void checkAlternation(int period) {
            List<JsonNode> types = config.list("layer_types");
            for (int i = 0; i < types.size(); i++) {
                String wanted = (i + 1) % period == 0 ? "full_attention" : "sliding_attention";
                if (!types.get(i).asString("").equals(wanted)) {
                    throw config.inexpressible(
                            "layer_types",
                            "in llama.cpp one layer in %d sees everything, the last of each such group"
                                    .formatted(period));
                }
            }
            if (types.isEmpty() && config.positive("sliding_window_pattern", period) != period) {
                throw config.inexpressible("sliding_window_pattern", "llama.cpp has it as %d".formatted(period));
            }
        }

        /** llama.cpp scales by the head's width, except in the one size whose number of layers it recognises. */
        private void checkScale(int exceptionalBlocks) {
            int expected = dimensions.blocks() == exceptionalBlocks
                    ? dimensions.width() / dimensions.heads()
                    : dimensions.headWidth();
            if (config.number("query_pre_attn_scalar") != expected) {
                throw config.inexpressible("query_pre_attn_scalar", "llama.cpp takes %d for it".formatted(expected));
            }
        }

        private void smollm3() {
            List<JsonNode> layers = config.list("no_rope_layers");
            for (int i = 0; i < layers.size(); i++) {
                if (layers.get(i).asInt(-1) != ((i + 1) % SMOLLM3_PERIOD == 0 ? 0 : 1)) {
                    throw config.inexpressible(
                            "no_rope_layers", "in llama.cpp every fourth layer has no rotary positions, and no other");
                }
            }
            if (layers.isEmpty() && config.positive("no_rope_layer_interval", SMOLLM3_PERIOD) != SMOLLM3_PERIOD) {
                throw config.inexpressible("no_rope_layer_interval", "llama.cpp has it as 4");
            }
        }

        /** Where llama.cpp knows no sliding window, a text within the window is still exact. */
        private int unwindowed() {
            boolean slides = switch (family) {
                case MISTRAL, PHI3 -> config.has("sliding_window");
                case QWEN2, QWEN3, SMOLLM3 -> config.flag("use_sliding_window", false) && config.has("sliding_window");
                default -> false;
            };
            int window = slides ? config.positive("sliding_window") : dimensions.positions();
            if (window >= dimensions.positions()) {
                return dimensions.positions();
            }
            notes.add(
                    ("context_length is %d, the model's sliding window, instead of %d: llama.cpp has no window in this"
                                    + " family, and its answers are exact up to there")
                            .formatted(window, dimensions.positions()));
            return window;
        }
    }
}
