package dev.lowrank.kernels;

/**
 * A stack of device memory: tensors are taken from the top and given back together by returning to a mark. Memory once
 * reserved is kept until {@link #close()}, so that a training step allocates nothing once warm.
 */
public interface Workspace extends AutoCloseable {
    /** Takes a tensor whose contents are undefined. */
    Tensor take(DType dtype, long... shape);

    /** Takes an fp32 tensor whose contents are undefined. */
    default Tensor take(long... shape) {
        return take(DType.F32, shape);
    }

    /** The present height of the stack. */
    long mark();

    /** Gives back everything taken since {@code mark}; tensors taken since then must not be used again. */
    void release(long mark);

    /**
     * Reserves so many bytes in one piece and makes sure of them: when this returns the memory is there, and tensors that
     * take no more together need no more. Only while nothing is taken.
     *
     * @throws OutOfMemoryError if the device does not have them
     */
    void reserve(long bytes);

    /** The most that tensors have taken at once so far; a workspace with so much reserved needs no more for the same. */
    long peak();

    /** Bytes reserved from the device, used or not. */
    long reservedBytes();

    @Override
    void close();
}
