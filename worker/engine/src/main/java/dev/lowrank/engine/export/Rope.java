package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Rotary positions as GGUF says them.
 *
 * @param keys without the architecture's name in front
 * @param factors tensors of D/2 numbers by which each frequency is divided, by name
 * @param positions the longest text these are exact for, at most what the model was made for
 * @param notes what a person should know
 */
record Rope(Map<String, GgufValue> keys, Map<String, float[]> factors, int positions, List<String> notes) {
    /** @throws InputException if llama.cpp would turn otherwise */
    static Rope read(Family family, Settings config, Dimensions dimensions) {
        return new Reading(family, config, dimensions).rope();
    }

    /** One reading of one configuration. */
    private static final class Reading {
        private final Family family;
        private final Settings config;
        private final Dimensions dimensions;
        private final Map<String, GgufValue> keys = new LinkedHashMap<>();
        private final Map<String, float[]> factors = new LinkedHashMap<>();
        private final List<String> notes = new ArrayList<>();
        private int positions;

        Reading(Family family, Settings config, Dimensions dimensions) {
            this.family = family;
            this.config = config;
            this.dimensions = dimensions;
            this.positions = dimensions.positions();
        }

        Rope rope() {
            Settings newer = config.object("rope_parameters");
            boolean byLayerType = newer.has("full_attention");
            Settings global = byLayerType
                    ? newer.object("full_attention")
                    : config.has("rope_parameters") ? newer : config.object("rope_scaling");
            double theta = global.has("rope_theta") ? global.number("rope_theta") : config.number("rope_theta");
            keys.put("rope.dimension_count", GgufValue.u32(turned(global)));
            keys.put("rope.freq_base", GgufValue.f32(theta));
            if (family == Family.GEMMA3) {
                readLocal(byLayerType ? newer.object("sliding_attention") : null);
            } else if (byLayerType) {
                throw config.inexpressible("rope_parameters", "llama.cpp has one set a layer type in gemma3 only");
            }
            scale(global, theta);
            return new Rope(keys, factors, positions, notes);
        }

        private void readLocal(@Nullable Settings local) {
            double theta;
            if (local == null) {
                theta = config.number("rope_local_base_freq", 10_000);
            } else {
                local.mustBe("rope_type", "default", "llama.cpp scales no sliding layer");
                theta = local.number("rope_theta");
            }
            keys.put("rope.freq_base_swa", GgufValue.f32(theta));
        }

        private int turned(Settings rope) {
            double part = rope.number("partial_rotary_factor", config.number("partial_rotary_factor", 1));
            if (part != 1 && family != Family.PHI3) {
                throw config.inexpressible("partial_rotary_factor", "llama.cpp turns whole heads in this family");
            }
            int turned = (int) (dimensions.headWidth() * part);
            if (part > 1 || turned < 2 || turned % 2 != 0) {
                throw config.wrong("partial_rotary_factor", "it must leave an even number of elements that turn");
            }
            return turned;
        }

        private void scale(Settings rope, double theta) {
            String type = rope.text("rope_type", rope.text("type", "default"));
            switch (type) {
                case "default" -> keepOriginalLength(rope);
                case "linear" -> {
                    keys.put("rope.scaling.type", GgufValue.text("linear"));
                    keys.put("rope.scaling.factor", GgufValue.f32(rope.number("factor")));
                }
                case "dynamic" ->
                    notes.add("positions are exact up to %d tokens, where dynamic scaling begins".formatted(positions));
                case "yarn" -> yarn(rope);
                case "llama3" -> llama3(rope, theta);
                case "longrope", "su" -> longRope(rope);
                default -> throw config.inexpressible(key(), "that kind of scaling is not exported to GGUF");
            }
        }

        private String key() {
            return config.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        }

        private void keepOriginalLength(Settings rope) {
            if (family == Family.PHI3) {
                keys.put(
                        "rope.scaling.original_context_length",
                        GgufValue.u32(Math.min(originalLength(rope, positions), positions)));
            }
        }

        private int originalLength(Settings rope, int otherwise) {
            String key = "original_max_position_embeddings";
            return rope.has(key) ? rope.positive(key) : config.positive(key, otherwise);
        }

        private void yarn(Settings rope) {
            refuseIf(rope.has("truncate") && !rope.flag("truncate", true), "llama.cpp always truncates");
            int original = originalLength(rope, positions);
            double factor = rope.number("factor", (double) positions / original);
            // llama.cpp multiplies by 1 + ln(factor) / 10 in any case; what differs from that goes into the key.
            double usual = 1 + 0.1 * Math.log(Math.max(1, factor));
            double wanted = usual;
            if (rope.has("attention_factor")) {
                wanted = rope.number("attention_factor");
            } else if (rope.has("mscale") && rope.has("mscale_all_dim")) {
                wanted = (1 + 0.1 * rope.number("mscale") * Math.log(Math.max(1, factor)))
                        / (1 + 0.1 * rope.number("mscale_all_dim") * Math.log(Math.max(1, factor)));
            }
            keys.put("rope.scaling.type", GgufValue.text("yarn"));
            keys.put("rope.scaling.factor", GgufValue.f32(factor));
            keys.put("rope.scaling.original_context_length", GgufValue.u32(original));
            if (wanted != usual) {
                keys.put("rope.scaling.attn_factor", GgufValue.f32(wanted / usual));
            }
            if (rope.has("beta_fast")) {
                keys.put("rope.scaling.yarn_beta_fast", GgufValue.f32(rope.number("beta_fast")));
            }
            if (rope.has("beta_slow")) {
                keys.put("rope.scaling.yarn_beta_slow", GgufValue.f32(rope.number("beta_slow")));
            }
        }

        /** A frequency f becomes f / factor below, f above, and a blend of both between two wavelengths. */
        private void llama3(Settings rope, double theta) {
            refuseIf(
                    family != Family.LLAMA && family != Family.MISTRAL,
                    "llama.cpp scales that way in the llama architecture only");
            double factor = rope.number("factor");
            double low = rope.number("low_freq_factor");
            double high = rope.number("high_freq_factor");
            double original = originalLength(rope, 0);
            int width = dimensions.headWidth();
            float[] divisors = new float[width / 2];
            for (int i = 0; i < divisors.length; i++) {
                double wavelength = 2 * Math.PI * Math.pow(theta, 2.0 * i / width);
                double blend = (original / wavelength - low) / (high - low);
                if (wavelength < original / high) {
                    divisors[i] = 1;
                } else if (wavelength > original / low) {
                    divisors[i] = (float) factor;
                } else {
                    divisors[i] = (float) (1 / ((1 - blend) / factor + blend));
                }
            }
            factors.put("rope_freqs.weight", divisors);
        }

        private void longRope(Settings rope) {
            refuseIf(family != Family.PHI3, "longrope is exported for phi3 only");
            refuseIf(rope.has("short_mscale") || rope.has("long_mscale"), "llama.cpp has no mscale for each length");
            int original = originalLength(rope, 0);
            double factor = rope.number("factor", (double) positions / original);
            double attention = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
            keys.put("rope.scaling.original_context_length", GgufValue.u32(original));
            keys.put("rope.scaling.attn_factor", GgufValue.f32(rope.number("attention_factor", attention)));
            int length = turned(rope) / 2;
            factors.put("rope_factors_long.weight", numbers(rope, "long_factor", length));
            factors.put("rope_factors_short.weight", numbers(rope, "short_factor", length));
            notes.add(
                    ("llama.cpp takes the long factors when its context is set above %d tokens, whatever the length of a"
                                    + " text; set it no higher than needed")
                            .formatted(original));
        }

        private float[] numbers(Settings rope, String key, int length) {
            List<JsonNode> values = rope.list(key);
            float[] numbers = new float[values.size()];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = values.get(i).isNumber() ? (float) values.get(i).doubleValue() : 0;
                if (!(numbers[i] > 0) || !Float.isFinite(numbers[i])) {
                    throw rope.wrong(key, "it must be a list of positive numbers");
                }
            }
            if (numbers.length != length) {
                throw rope.wrong(key, "it must have %d numbers, one for each pair that turns".formatted(length));
            }
            return numbers;
        }

        private void refuseIf(boolean holds, String why) {
            if (holds) {
                throw config.inexpressible(key(), why);
            }
        }
    }
}
