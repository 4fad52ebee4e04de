package dev.lowrank.engine.family;

import dev.lowrank.engine.InputException;
import org.jspecify.annotations.Nullable;

/**
 * Reads rotary positions from {@code rope_parameters}, as newer files have it, or from {@code rope_theta} and
 * {@code rope_scaling}. A base is never assumed: a reader that misses it trains with the wrong one.
 */
final class RotaryReader {
    private final ConfigReader in;
    private final int headWidth;
    private final int maxPositions;

    RotaryReader(ConfigReader in, int headWidth, int maxPositions) {
        this.in = in;
        this.headWidth = headWidth;
        this.maxPositions = maxPositions;
    }

    /** The one table of a model that has one. */
    Rotary read() {
        if (in.has("rope_parameters")) {
            return read(in.section("rope_parameters"), null);
        }
        ConfigReader scaling = in.has("rope_scaling") ? in.section("rope_scaling") : null;
        return scaling == null ? plain(in, "rope_theta") : read(scaling, "rope_theta");
    }

    /** The table of one kind of layer, of {@code rope_parameters} by kind. */
    Rotary ofKind(ConfigReader byKind, String kind) {
        return read(byKind.section(kind), null);
    }

    /** An unscaled table with the base under a key of its own. */
    Rotary plain(ConfigReader from, String thetaKey) {
        return new Rotary(theta(from, thetaKey), width(from), new RotaryScaling.None());
    }

    /** @param outerTheta where the base stands outside of the scaling's object; null where it stands within */
    private Rotary read(ConfigReader scaling, @Nullable String outerTheta) {
        ConfigReader thetaAt = outerTheta == null || scaling.has("rope_theta") ? scaling : in;
        double theta = theta(thetaAt, "rope_theta");
        int width = width(scaling.has("partial_rotary_factor") ? scaling : in);
        return new Rotary(theta, width, scaling(scaling, width));
    }

    private static double theta(ConfigReader from, String key) {
        if (!from.has(key)) {
            throw new InputException(
                    "%s gives no rotary base: put \"rope_theta\" (or \"rope_parameters\": {\"rope_theta\"}) there; Llama 2 used 10000, Llama 3 500000."
                            .formatted(from.file()));
        }
        return from.number(key);
    }

    private int width(ConfigReader from) {
        double share = from.number("partial_rotary_factor", 1);
        int width = (int) (headWidth * share);
        if (share > 1 || width % 2 != 0 || width == 0) {
            throw from.wrong(
                    "partial_rotary_factor", "must leave an even part of a head (width %d)".formatted(headWidth));
        }
        return width;
    }

    private RotaryScaling scaling(ConfigReader from, int width) {
        String older = from.text("type", "default");
        String type = from.text("rope_type", older);
        return switch (type) {
            case "default" -> new RotaryScaling.None();
            case "linear" -> new RotaryScaling.Linear(from.number("factor"));
            case "dynamic" -> new RotaryScaling.Dynamic(from.number("factor"), maxPositions);
            case "llama3" ->
                new RotaryScaling.Llama3(
                        from.number("factor"),
                        from.number("low_freq_factor"),
                        from.number("high_freq_factor"),
                        from.positive("original_max_position_embeddings", 1 << 26));
            case "yarn" -> yarn(from);
            case "longrope", "su" -> longRope(from, width);
            default ->
                throw from.wrong(
                        from.has("rope_type") ? "rope_type" : "type",
                        "must be default, linear, dynamic, llama3, yarn or longrope");
        };
    }

    private RotaryScaling yarn(ConfigReader from) {
        int trained = from.positive("original_max_position_embeddings", 1 << 26, maxPositions);
        double factor = from.number("factor", (double) maxPositions / trained);
        double magnitude;
        if (from.has("attention_factor")) {
            magnitude = from.number("attention_factor");
        } else if (from.has("mscale") && from.has("mscale_all_dim")) {
            magnitude =
                    yarnMagnitude(factor, from.number("mscale")) / yarnMagnitude(factor, from.number("mscale_all_dim"));
        } else {
            magnitude = yarnMagnitude(factor, 1);
        }
        return new RotaryScaling.Yarn(
                factor,
                (float) magnitude,
                from.number("beta_fast", 32),
                from.number("beta_slow", 1),
                trained,
                from.flag("truncate", true));
    }

    private static double yarnMagnitude(double factor, double weight) {
        return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
    }

    private RotaryScaling longRope(ConfigReader from, int width) {
        ConfigReader trainedAt = from.has("original_max_position_embeddings") ? from : in;
        int trained = trainedAt.positive("original_max_position_embeddings", 1 << 26);
        double factor = from.number("factor", (double) maxPositions / trained);
        double magnitude = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
        return new RotaryScaling.LongRope(
                from.numbers("short_factor", width / 2),
                from.numbers("long_factor", width / 2),
                (float) from.number("attention_factor", magnitude),
                trained);
    }
}
