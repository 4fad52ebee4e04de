package dev.lowrank.engine.family;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/** Typed access to a config.json that remembers what it was asked for, so that nothing is silently ignored. */
final class ConfigReader {
    /** Keys that name, document or steer other tools, and change no number here. */
    private static final Set<String> HARMLESS = Set.of(
            "_attn_implementation_autoset",
            "_name_or_path",
            "architectures",
            "attention_dropout",
            "attn_implementation",
            "attn_pdrop",
            "auto_map",
            "bos_token_id",
            "cache_implementation",
            "chunk_size_feed_forward",
            "dtype",
            "embd_pdrop",
            "eos_token_id",
            "finetuning_task",
            "gradient_checkpointing",
            "id2label",
            "initializer_range",
            "is_decoder",
            "is_llama_config",
            "keys_to_ignore_at_inference",
            "label2id",
            "max_length",
            "max_new_tokens",
            "model_max_length",
            "n_ctx",
            "output_attentions",
            "output_hidden_states",
            "pad_token_id",
            "pretraining_tp",
            "problem_type",
            "quantization_config",
            "resid_pdrop",
            "return_dict",
            "rope_interleaved",
            "sep_token_id",
            "summary_activation",
            "summary_first_dropout",
            "summary_proj_to_labels",
            "summary_type",
            "summary_use_proj",
            "task_specific_params",
            "tokenizer_class",
            "torch_dtype",
            "torchscript",
            "transformers_version",
            "unsloth_fixed",
            "unsloth_version",
            "use_cache",
            "use_mrope");

    private final JsonNode json;
    private final Path file;
    private final String path;
    private final TreeSet<String> asked = new TreeSet<>();
    private final List<ConfigReader> sections = new ArrayList<>();

    ConfigReader(JsonNode json, Path file) {
        this(json, file, "");
    }

    private ConfigReader(JsonNode json, Path file, String path) {
        this.json = json;
        this.file = file;
        this.path = path;
    }

    Path file() {
        return file;
    }

    boolean has(String key) {
        asked.add(key);
        return json.hasNonNull(key);
    }

    /** An object within this one. */
    ConfigReader section(String key) {
        asked.add(key);
        if (!json.path(key).isObject()) {
            throw wrong(key, "must be an object");
        }
        ConfigReader section = new ConfigReader(json.path(key), file, path + key + ".");
        sections.add(section);
        return section;
    }

    InputException wrong(String key, String must) {
        return new InputException(
                "%s in %s is %s, but %s.".formatted(Quoted.of(path + key), file, Quoted.of(json.path(key)), must));
    }

    String text(String key) {
        if (!has(key)) {
            throw missing(key);
        }
        if (!json.get(key).isString()) {
            throw wrong(key, "must be a word");
        }
        return json.get(key).asString();
    }

    String text(String key, String otherwise) {
        return has(key) ? text(key) : otherwise;
    }

    int positive(String key, int most) {
        if (!has(key)) {
            throw missing(key);
        }
        JsonNode value = json.get(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1 || value.intValue() > most) {
            throw wrong(key, "must be a whole number between 1 and %d".formatted(most));
        }
        return value.intValue();
    }

    int positive(String key, int most, int otherwise) {
        return has(key) ? positive(key, most) : otherwise;
    }

    /** A whole number from 0. */
    int count(String key) {
        has(key);
        JsonNode value = json.path(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0) {
            throw wrong(key, "must be a whole number from 0");
        }
        return value.intValue();
    }

    double number(String key) {
        if (!has(key)) {
            throw missing(key);
        }
        double value = json.get(key).isNumber() ? json.get(key).doubleValue() : 0;
        if (!(value > 0 && value < 1e12)) {
            throw wrong(key, "must be a positive number");
        }
        return value;
    }

    double number(String key, double otherwise) {
        return has(key) ? number(key) : otherwise;
    }

    boolean flag(String key, boolean otherwise) {
        if (!has(key)) {
            return otherwise;
        }
        if (!json.get(key).isBoolean()) {
            throw wrong(key, "must be true or false");
        }
        return json.get(key).booleanValue();
    }

    /** Words, one for each layer. */
    List<String> words(String key, int count) {
        return entries(key, count, JsonNode::isString, "words").stream()
                .map(JsonNode::asString)
                .toList();
    }

    /** Positive numbers. */
    float[] numbers(String key, int count) {
        List<JsonNode> entries =
                entries(key, count, n -> n.isNumber() && (float) n.doubleValue() > 0, "positive numbers");
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) entries.get(i).doubleValue();
            if (Float.isInfinite(numbers[i])) {
                throw wrong(key, "must be a list of %d positive numbers".formatted(count));
            }
        }
        return numbers;
    }

    /** Whole numbers, one for each layer. */
    List<Integer> integers(String key, int count) {
        return entries(key, count, n -> n.isIntegralNumber() && n.canConvertToInt(), "whole numbers").stream()
                .map(JsonNode::intValue)
                .toList();
    }

    private List<JsonNode> entries(String key, int count, Predicate<JsonNode> fits, String what) {
        has(key);
        JsonNode list = json.path(key);
        if (!list.isArray() || list.size() != count || !list.valueStream().allMatch(fits)) {
            throw wrong(key, "must be a list of %d %s".formatted(count, what));
        }
        return list.valueStream().toList();
    }

    /** A setting that may be given, but only with a value that changes nothing. */
    void onlyFalse(String... keys) {
        for (String key : keys) {
            if (flag(key, false)) {
                throw wrong(key, "only false is supported, and it changes the numbers");
            }
        }
    }

    void only(String key, String value) {
        if (!text(key, value).equals(value)) {
            throw wrong(key, "only \"%s\" is supported, and it changes the numbers".formatted(value));
        }
    }

    /** @throws InputException if the file says anything that nobody has asked for */
    void refuseUnknown() {
        for (String key : json.propertyNames()) {
            if (!asked.contains(key) && !HARMLESS.contains(key) && !saysNothing(json.get(key))) {
                throw new InputException(
                        "%s in %s is not known for a %s model and may change its numbers; remove it if it only documents."
                                .formatted(
                                        Quoted.of(path + key),
                                        file,
                                        json.path("model_type").asString("such")));
            }
        }
        sections.forEach(ConfigReader::refuseUnknown);
    }

    private static boolean saysNothing(JsonNode value) {
        return value.isNull() || value.isBoolean() && !value.booleanValue() || value.isContainer() && value.isEmpty();
    }

    private InputException missing(String key) {
        return new InputException("%s has no \"%s\"; a model of its kind needs it.".formatted(file, path + key));
    }
}
