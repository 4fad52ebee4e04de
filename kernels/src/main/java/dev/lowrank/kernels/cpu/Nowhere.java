package dev.lowrank.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Places without memory behind them: they have sizes and can be divided, and to read or write one is an error. */
final class Nowhere {
    /** More than any device has. */
    static final long BYTES = 1L << 60;

    private static final MemorySegment ALL = lost();

    /** The same places for everyone. */
    static final CpuWorkspace.Source SOURCE = (arena, bytes) -> ALL.asSlice(0, bytes);

    private Nowhere() {}

    /** A segment whose arena is closed: every access is an IllegalStateException. */
    private static MemorySegment lost() {
        try (Arena arena = Arena.ofShared()) {
            return MemorySegment.NULL.reinterpret(BYTES, arena, null);
        }
    }
}
