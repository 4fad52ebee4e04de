package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.memory.MemorySource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Memory of one owner, replaced by a larger piece when it no longer suffices. */
final class Scratch implements AutoCloseable {
    private final MemorySource source;
    private @Nullable Arena arena;
    private MemorySegment memory = MemorySegment.NULL;

    Scratch() {
        this(new FreshPages());
    }

    Scratch(MemorySource source) {
        this.source = source;
    }

    /** At least so many bytes, contents undefined; the same memory at every call until more is wanted. */
    MemorySegment atLeast(long bytes) {
        if (memory.byteSize() < bytes) {
            close();
            arena = Arena.ofShared();
            memory = source.allocate(arena, bytes);
        }
        return memory;
    }

    /** What it has at present. */
    long bytes() {
        return memory.byteSize();
    }

    @Override
    public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
            memory = MemorySegment.NULL;
        }
    }
}
