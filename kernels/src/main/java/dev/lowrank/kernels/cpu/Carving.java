package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.memory.StackedWorkspace;
import java.lang.foreign.MemorySegment;

/** Pieces of one part's scratch, each on a cache line of its own: first all are ordered, then all are there. */
final class Carving {
    private final Team team;
    private final int part;
    private long bytes;

    /** A place in the scratch. */
    record Piece(long offset, long bytes) {
        MemorySegment of(MemorySegment whole) {
            return whole.asSlice(offset, bytes);
        }
    }

    Carving(Team team, int part) {
        this.team = team;
        this.part = part;
    }

    Piece floats(long count) {
        return piece(count * Float.BYTES);
    }

    Piece shorts(long count) {
        return piece(count * Short.BYTES);
    }

    MemorySegment take() {
        return team.scratch(part, bytes);
    }

    private Piece piece(long size) {
        Piece piece = new Piece(bytes, size);
        bytes += (size + StackedWorkspace.ALIGNMENT - 1) & -StackedWorkspace.ALIGNMENT;
        return piece;
    }
}
