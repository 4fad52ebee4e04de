package dev.lowrank.kernels.memory;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * A stack laid over a list of chunks. A height counts bytes from the bottom of the first chunk through all chunks in
 * order, so what a take cannot use at the end of a chunk counts too. Chunks are only ever added at the end: a sequence
 * of takes that fitted once lands in the same places again and needs no new memory.
 */
public final class StackedWorkspace implements Workspace {
    /** Of tensors and chunks, unless their source says otherwise: a cache line, and the widest vector. */
    public static final long ALIGNMENT = 64;

    private static final long FIRST_CHUNK = 1 << 20;
    private static final long LARGEST_CHUNK = 64 << 20;

    private final MemorySource source;
    private final Consumer<StackedWorkspace> closing;
    private Arena arena = Arena.ofShared();
    private final List<Chunk> chunks = new ArrayList<>();
    private long reserved;

    private int current;
    private long height;
    private long peak;

    /** The height after each take that is still out, so that a mark can be told from a number. */
    private long[] heights = new long[64];
    /** What it and those before it take, without the ends of chunks. */
    private long[] sums = new long[64];

    private int taken;

    private record Chunk(MemorySegment memory, long base) {
        long end() {
            return base + memory.byteSize();
        }
    }

    public StackedWorkspace(MemorySource source) {
        this(source, workspace -> {});
    }

    /** @param closing called when it is about to be closed */
    public StackedWorkspace(MemorySource source, Consumer<StackedWorkspace> closing) {
        this.source = source;
        this.closing = closing;
    }

    /**
     * A workspace whose tensors have places but no memory.
     *
     * @param closing called when it is about to be closed
     */
    public static StackedWorkspace phantom(Consumer<StackedWorkspace> closing) {
        StackedWorkspace workspace = new StackedWorkspace(Nowhere.SOURCE, closing);
        workspace.addChunk(Nowhere.BYTES);
        return workspace;
    }

    @Override
    public Tensor take(DType dtype, long... shape) {
        requireOpen();
        long bytes = bytes(dtype, shape);
        long rounded = rounded(bytes);
        Chunk chunk = chunkWith(rounded);
        MemorySegment memory = chunk.memory.asSlice(height - chunk.base, bytes);
        source.taken(memory);
        push(rounded);
        return new Tensor(dtype, memory, shape);
    }

    @Override
    public long mark() {
        return height;
    }

    @Override
    public void release(long mark) {
        int keep = taken;
        while (keep > 0 && heights[keep - 1] > mark) {
            keep--;
        }
        if (mark != (keep == 0 ? 0 : heights[keep - 1])) {
            throw new IllegalArgumentException(
                    "%d is no mark of this workspace, or was already given back (its height is %d)."
                            .formatted(mark, height));
        }
        give(mark);
        taken = keep;
        height = mark;
        while (current > 0 && chunks.get(current).base > mark) {
            current--;
        }
    }

    /** Tells the source which memory above a mark is free again, chunk by chunk. */
    private void give(long mark) {
        for (int i = Math.min(current, chunks.size() - 1); i >= 0; i--) {
            Chunk chunk = chunks.get(i);
            source.given(chunk.memory, Math.max(0, mark - chunk.base), Math.min(height, chunk.end()) - chunk.base);
            if (chunk.base <= mark) {
                break;
            }
        }
    }

    @Override
    public void reserve(long bytes) {
        requireOpen();
        if (taken > 0) {
            throw new IllegalStateException("Memory is reserved before the first tensor is taken.");
        }
        long missing = rounded(bytes)
                - (chunks.isEmpty() ? 0 : chunks.getFirst().memory.byteSize());
        if (missing > 0) {
            chunks.clear();
            arena.close();
            arena = Arena.ofShared();
            reserved = 0;
            source.secure(addChunk(rounded(bytes)).memory);
        }
    }

    @Override
    public long peak() {
        return peak;
    }

    @Override
    public long reservedBytes() {
        return reserved;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            closing.accept(this);
            arena.close();
            reserved = 0;
        }
    }

    private void requireOpen() {
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException("This workspace is closed.");
        }
    }

    private long rounded(long bytes) {
        long alignment = source.alignment();
        return Math.addExact(Math.addExact(bytes, source.gap()), alignment - 1) / alignment * alignment;
    }

    private static long bytes(DType dtype, long[] shape) {
        long count = 1;
        for (long extent : shape) {
            if (extent < 0) {
                throw new IllegalArgumentException(
                        "A tensor cannot have the shape %s.".formatted(Arrays.toString(shape)));
            }
            count = Math.multiplyExact(count, extent);
        }
        return Math.multiplyExact(count, dtype.bytes());
    }

    /** Moves the height to the next place with so many bytes in one chunk. */
    private Chunk chunkWith(long bytes) {
        for (; current < chunks.size(); current++) {
            Chunk chunk = chunks.get(current);
            height = Math.max(height, chunk.base);
            if (chunk.end() - height >= bytes) {
                return chunk;
            }
        }
        long usual = Math.min(LARGEST_CHUNK, Math.max(FIRST_CHUNK, reserved));
        Chunk added = addChunk(Math.max(bytes, usual));
        height = added.base;
        return added;
    }

    private Chunk addChunk(long size) {
        long base = chunks.isEmpty() ? 0 : chunks.getLast().end();
        Chunk chunk = new Chunk(source.allocate(arena, size), base);
        chunks.add(chunk);
        reserved += size;
        return chunk;
    }

    private void push(long bytes) {
        if (taken == heights.length) {
            heights = Arrays.copyOf(heights, 2 * taken);
            sums = Arrays.copyOf(sums, 2 * taken);
        }
        height += bytes;
        heights[taken] = height;
        sums[taken] = (taken == 0 ? 0 : sums[taken - 1]) + bytes;
        peak = Math.max(peak, sums[taken]);
        taken++;
    }
}
