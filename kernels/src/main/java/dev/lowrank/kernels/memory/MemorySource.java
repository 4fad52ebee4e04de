package dev.lowrank.kernels.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where the memory of a {@link StackedWorkspace} comes from: a device. */
@FunctionalInterface
public interface MemorySource {
    /**
     * Memory that lives as long as the arena.
     *
     * @param bytes a multiple of {@link #alignment}
     * @throws OutOfMemoryError if the device does not have them
     */
    MemorySegment allocate(Arena arena, long bytes);

    /** What tensors and chunks begin at multiples of, in bytes. */
    default long alignment() {
        return StackedWorkspace.ALIGNMENT;
    }

    /** Bytes that are left out behind each tensor at least. */
    default long gap() {
        return 0;
    }

    /** Makes sure that memory is there, where a system only promises it. */
    default void secure(MemorySegment memory) {
        memory.fill((byte) 0);
    }

    /** A tensor begins to use this memory. */
    default void taken(MemorySegment memory) {}

    /** No tensor uses the bytes {@code [from, to)} of a chunk any longer. */
    default void given(MemorySegment chunk, long from, long to) {}
}
