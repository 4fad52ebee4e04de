package dev.lowrank.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A dense, row-major block of device memory with a shape. It owns nothing: the {@link Workspace} it came from does.
 *
 * <p>On the CPU {@link #data()} is the memory itself; on another device it is a handle that only that device's
 * {@link Kernels} may follow.
 */
public final class Tensor {
    private final DType dtype;
    private final MemorySegment data;
    private final long[] shape;

    public Tensor(DType dtype, MemorySegment data, long... shape) {
        if (data.byteSize() != Math.multiplyExact(count(shape), dtype.bytes())) {
            throw new IllegalArgumentException("A %s tensor of shape %s takes %d bytes, but the memory has %d."
                    .formatted(dtype, Arrays.toString(shape), count(shape) * dtype.bytes(), data.byteSize()));
        }
        this.dtype = dtype;
        this.data = data;
        this.shape = shape.clone();
    }

    public DType dtype() {
        return dtype;
    }

    public MemorySegment data() {
        return data;
    }

    public long[] shape() {
        return shape.clone();
    }

    /** Number of elements. */
    public long size() {
        return count(shape);
    }

    /** Extent of the first axis. */
    public int rows() {
        return Math.toIntExact(shape[0]);
    }

    /** Elements in one step of the first axis; 1 for a vector. */
    public int columns() {
        return Math.toIntExact(shape[0] == 0 ? count(Arrays.copyOfRange(shape, 1, shape.length)) : size() / shape[0]);
    }

    /** The rows {@code [from, from + count)} as a tensor over the same memory. */
    public Tensor slice(int from, int count) {
        long row = (long) columns() * dtype.bytes();
        long[] part = shape.clone();
        part[0] = count;
        return new Tensor(dtype, data.asSlice(from * row, count * row), part);
    }

    /** The same memory under another shape of equal size. */
    public Tensor reshape(long... other) {
        return new Tensor(dtype, data, other);
    }

    @Override
    public String toString() {
        return dtype + Arrays.toString(shape);
    }

    private static long count(long[] shape) {
        long n = 1;
        for (long extent : shape) {
            n = Math.multiplyExact(n, extent);
        }
        return n;
    }
}
