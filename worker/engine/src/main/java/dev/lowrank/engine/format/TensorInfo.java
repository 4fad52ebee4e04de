package dev.lowrank.engine.format;

import java.util.Arrays;
import java.util.Objects;

/**
 * Where and what one tensor of a safetensors file is.
 *
 * @param shape extents, outermost first; empty for a single number
 * @param begin first byte, counted from the start of the file's data section
 * @param end byte after the last
 */
public record TensorInfo(String name, StoredType dtype, long[] shape, long begin, long end) {
    public TensorInfo {
        shape = shape.clone();
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    /** Elements: the product of the shape. */
    public long count() {
        long count = 1;
        for (long extent : shape) {
            count = Math.multiplyExact(count, extent);
        }
        return count;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TensorInfo that
                && name.equals(that.name)
                && dtype == that.dtype
                && Arrays.equals(shape, that.shape)
                && begin == that.begin
                && end == that.end;
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, dtype, Arrays.hashCode(shape), begin, end);
    }

    /** Such as {@code lm_head.weight F32 [320, 64]}. */
    @Override
    public String toString() {
        return name + " " + dtype + " " + Arrays.toString(shape);
    }
}
