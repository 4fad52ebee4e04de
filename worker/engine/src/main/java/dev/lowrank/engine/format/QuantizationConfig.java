package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a {@code config.json} says of a model that is already quantized: bitsandbytes' NF4, the only kind that is read.
 *
 * @param doubleQuantized whether the scales are quantized too
 * @param computeType what the reference computes in: {@code float32}, {@code bfloat16} or {@code float16}
 * @param skipModules modules left as they were; empty when the file names none
 */
public record QuantizationConfig(boolean doubleQuantized, String computeType, List<String> skipModules) {
    private static final String KEY = "quantization_config";
    private static final Set<String> FLOATS = Set.of("float32", "bfloat16", "float16");

    /** Fields that are read below, or concern 8-bit layers only. */
    private static final Set<String> KNOWN = Set.of(
            "quant_method",
            "load_in_4bit",
            "_load_in_4bit",
            "bnb_4bit_quant_type",
            "bnb_4bit_use_double_quant",
            "bnb_4bit_compute_dtype",
            "bnb_4bit_quant_storage",
            "llm_int8_skip_modules",
            "llm_int8_threshold",
            "llm_int8_enable_fp32_cpu_offload",
            "llm_int8_has_fp16_weight");

    public QuantizationConfig {
        skipModules = List.copyOf(skipModules);
    }

    /**
     * Reads the section.
     *
     * @param file named in refusals
     * @param config the whole of {@code config.json}
     * @return null when the model is not quantized
     * @throws InputException if it is quantized in any other way
     */
    static @Nullable QuantizationConfig of(Path file, JsonNode config) {
        JsonNode section = config.path(KEY);
        return section.isMissingNode() || section.isNull() ? null : new Reading(file, section).config();
    }

    private record Reading(Path file, JsonNode section) {
        QuantizationConfig config() {
            require(section.isObject(), KEY, section, "an object");
            JsonNode method = section.path("quant_method");
            if (!method.isMissingNode()) {
                allow("quant_method", method, "bitsandbytes");
            }
            for (Map.Entry<String, JsonNode> field : section.properties()) {
                if (!KNOWN.contains(field.getKey()) && isSet(field.getValue())) {
                    throw unsupported(field.getKey(), field.getValue());
                }
            }
            require(flag("load_in_4bit"), "load_in_4bit", section.path("load_in_4bit"), "true");
            allow("bnb_4bit_quant_type", section.path("bnb_4bit_quant_type"), "nf4");
            JsonNode compute = section.path("bnb_4bit_compute_dtype");
            String computeType = compute.isMissingNode() || compute.isNull() ? "float32" : compute.asString("");
            require(FLOATS.contains(computeType), "bnb_4bit_compute_dtype", compute, "float32, bfloat16 or float16");
            return new QuantizationConfig(flag("bnb_4bit_use_double_quant"), computeType, skipModules());
        }

        private boolean flag(String field) {
            JsonNode value = section.path(field);
            require(value.isMissingNode() || value.isNull() || value.isBoolean(), field, value, "true or false");
            return value.isBoolean() && value.booleanValue();
        }

        private List<String> skipModules() {
            JsonNode value = section.path("llm_int8_skip_modules");
            List<String> names = new ArrayList<>();
            if (!value.isMissingNode() && !value.isNull()) {
                require(value.isArray(), "llm_int8_skip_modules", value, "a list of module names");
                for (JsonNode name : value) {
                    require(name.isString(), "llm_int8_skip_modules", value, "a list of module names");
                    names.add(name.stringValue());
                }
            }
            return names;
        }

        private void allow(String field, JsonNode value, String only) {
            if (!value.isString() || !value.stringValue().equals(only)) {
                throw unsupported(field, value);
            }
        }

        private static boolean isSet(JsonNode value) {
            return !(value.isNull()
                    || value.isBoolean() && !value.booleanValue()
                    || value.isContainer() && value.isEmpty());
        }

        private InputException unsupported(String field, JsonNode value) {
            return Refusal.of(
                    file,
                    "says in quantization_config that %s is %s, which is not supported; use a copy that is quantized by bitsandbytes as nf4 or not at all"
                            .formatted(Refusal.quoted(field), shown(value)));
        }

        private void require(boolean holds, String field, JsonNode value, String wanted) {
            if (!holds) {
                throw Refusal.of(
                        file,
                        "has %s %s where %s belongs; download the folder again".formatted(field, shown(value), wanted));
            }
        }

        private static String shown(JsonNode value) {
            return Refusal.shown(value, "left out");
        }
    }
}
