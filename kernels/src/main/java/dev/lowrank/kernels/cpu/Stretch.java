package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * A tensor's elements as fp32 in memory, one stretch at a time, so that loops over {@link Lanes} need not know what is
 * stored: of F32 the tensor itself, of BF16 a widened copy small enough to stay in the nearest cache.
 *
 * <p>A loop that chose by the type itself would be ten times slower: where two branches meet, the compiler keeps their
 * vectors as objects. That shows only in a process that uses both types.
 */
final class Stretch {
    /** Elements at a time where an operation knows no rows: a few tensors of these fit the nearest cache. */
    static final int BLOCK = 1024;

    private final Floats tensor;
    private final MemorySegment memory;

    /** What is done with the {@code count} elements from {@code at} on. */
    @FunctionalInterface
    interface Block {
        void run(long at, int count);
    }

    private Stretch(Floats tensor, MemorySegment memory) {
        this.tensor = tensor;
        this.memory = memory;
    }

    /**
     * Views of tensors for one part of the team, valid until that part asks for others.
     *
     * @param longest the most elements that are read or written at a time
     */
    static Stretch[] of(Team team, int part, int longest, Tensor... tensors) {
        int halves = 0;
        for (Tensor tensor : tensors) {
            halves += tensor.dtype() == DType.BF16 ? 1 : 0;
        }
        // Whole vectors, and a cache line apart, so that equal places do not compete for the same lines.
        long bytes = (Lanes.whole(longest + Lanes.WIDTH - 1) + 16L) * Float.BYTES;
        MemorySegment scratch = halves == 0 ? MemorySegment.NULL : team.scratch(part, halves * bytes);
        Stretch[] stretches = new Stretch[tensors.length];
        int taken = 0;
        for (int i = 0; i < tensors.length; i++) {
            Floats tensor = Floats.of(tensors[i]);
            MemorySegment memory = tensor.half() ? scratch.asSlice(taken++ * bytes, bytes) : tensor.data();
            stretches[i] = new Stretch(tensor, memory);
        }
        return stretches;
    }

    /** Goes over {@code [from, to)} block by block. */
    static void blocks(long from, long to, Block block) {
        for (long at = from; at < to; at += BLOCK) {
            block.run(at, (int) Math.min(BLOCK, to - at));
        }
    }

    /** Where the numbers lie; always the same memory. */
    MemorySegment memory() {
        return memory;
    }

    /** Makes {@code count} elements from {@code at} on readable; returns the place of the first in the memory. */
    long read(long at, int count) {
        if (!tensor.half()) {
            return at;
        }
        Floats.widen(tensor.data(), at, memory, 0, count);
        return 0;
    }

    /** The place at which to write the elements from {@code at} on; {@link #write} then makes them the tensor's. */
    long place(long at) {
        return tensor.half() ? 0 : at;
    }

    /** Stores what was written at the place of {@code at}, or read and changed there. */
    void write(long at, int count) {
        if (tensor.half()) {
            Floats.narrow(memory, 0, tensor.data(), at, count);
        }
    }
}
