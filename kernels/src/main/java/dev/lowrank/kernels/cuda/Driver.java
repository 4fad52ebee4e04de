package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DeviceLostException;
import java.lang.foreign.MemorySegment;

/**
 * What is asked of a device below the kernels: memory, copies and launches. All of it happens in the order of the calls; launches,
 * fills and copies on the device may still be under way when a call returns, and only {@link #download} waits for them.
 *
 * <p>Every method is a {@link DeviceLostException} once the device has failed: nothing more can be had from it.
 */
interface Driver extends AutoCloseable {
    /** For people: "NVIDIA H200, 141 GB". */
    String name();

    /** How many blocks of 256 threads keep the device busy. */
    int blocks();

    /** How much of its memory is free. */
    long freeBytes();

    /**
     * The address of so many bytes, aligned to 256.
     *
     * @throws OutOfMemoryError if the device does not have them
     */
    long allocate(long bytes);

    /** Gives back what {@link #allocate} gave. */
    void free(long address);

    /** Bytes to leave out between two tensors, for whoever watches over them. */
    default long gap() {
        return 0;
    }

    /** A tensor begins at this address of memory that was allocated. Its contents are undefined. */
    default void taken(long address, long bytes) {}

    /** Whatever tensors there were in this memory are no longer used. */
    default void given(long address, long bytes) {}

    /** Copies the whole of {@code source}, which may be changed afterwards. */
    void upload(MemorySegment source, long target);

    /** Waits for all that was asked for before, and copies to the whole of {@code target}. */
    void download(long source, MemorySegment target);

    void copy(long source, long target, long bytes);

    void zero(long address, long bytes);

    /** Computes a product by a library of the device's maker, or says that it has no way to. */
    default boolean multiply(Product product) {
        return false;
    }

    /** Runs a kernel. The launch is used for another one afterwards. */
    void run(Launch launch);

    @Override
    void close();
}
