package dev.lowrank.engine.format;

import java.util.Arrays;

/**
 * One tensor of an adapter to be written. The values are not copied.
 *
 * @param shape extents, outermost first
 * @param values row-major
 */
@SuppressWarnings("ArrayRecordComponent") // A carrier for large buffers; nobody compares two of them.
public record NamedTensor(PeftKey key, long[] shape, float[] values) {
    public NamedTensor {
        shape = shape.clone();
        long count = 1;
        for (long extent : shape) {
            count = Math.multiplyExact(count, extent);
        }
        if (count != values.length || count == 0) {
            throw new IllegalArgumentException(
                    "%s of shape %s does not hold %d values".formatted(key, Arrays.toString(shape), values.length));
        }
    }
}
