package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufWriter;
import dev.lowrank.engine.format.Refusal;
import java.nio.file.Path;

/**
 * A tensor to be written.
 *
 * @param shape outermost first
 * @param rows its values in the target's order, finite and within what {@code type} holds
 */
@SuppressWarnings("ArrayRecordComponent") // Nobody compares two of them.
record PlannedTensor(String name, GgufType type, long[] shape, GgufWriter.Rows rows) {
    private static final float BEYOND_F16 = 65520;

    /**
     * Adds the check of every value.
     *
     * @param source file or folder, and tensor, for messages
     */
    static PlannedTensor checked(
            String name, GgufType type, long[] shape, Path source, String sourceTensor, GgufWriter.Rows rows) {
        float largest = switch (type) {
            case F16 -> BEYOND_F16;
            case Q8_0 -> BEYOND_F16 * 127;
            case F32, BF16 -> Float.POSITIVE_INFINITY;
        };
        return new PlannedTensor(name, type, shape, (row, target) -> {
            rows.read(row, target);
            for (float value : target) {
                if (!(Math.abs(value) < largest)) {
                    throw refuse(source, sourceTensor, type, value);
                }
            }
        });
    }

    private static InputException refuse(Path source, String tensor, GgufType type, float value) {
        return Refusal.of(
                source,
                Float.isFinite(value)
                        ? "holds %s in %s, more than %s can; export it with --type bf16"
                                .formatted(value, Refusal.quoted(tensor), type)
                        : "holds %s in %s; take a checkpoint whose weights are all numbers"
                                .formatted(value, Refusal.quoted(tensor)));
    }
}
