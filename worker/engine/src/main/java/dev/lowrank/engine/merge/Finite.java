package dev.lowrank.engine.merge;

import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.format.StoredType;
import java.nio.file.Path;

/** The check that keeps a broken adapter, or a type too narrow for a value, from becoming a broken model. */
final class Finite {
    private Finite() {}

    /**
     * Checks all values of a tensor.
     *
     * @param from what gave it these values
     * @throws dev.lowrank.engine.InputException if one is NaN or infinite
     */
    static void require(Path from, String tensor, float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw Refusal.of(
                        from,
                        "gives %s a value that is not finite (%s), so nothing was merged; check how it was trained"
                                .formatted(Refusal.quoted(tensor), value));
            }
        }
    }

    /**
     * Rounds values to what reads back.
     *
     * @throws dev.lowrank.engine.InputException if one is too large for the type
     */
    static void round(Path from, String tensor, float[] values, StoredType type) {
        for (int i = 0; i < values.length; i++) {
            float rounded = type.rounded(values[i]);
            if (!Float.isFinite(rounded)) {
                throw Refusal.of(
                        from,
                        "gives %s the value %s, which %s cannot hold, so nothing was merged; name --dtype bf16 or fp32"
                                .formatted(Refusal.quoted(tensor), values[i], type));
            }
            values[i] = rounded;
        }
    }
}
