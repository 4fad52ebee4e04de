package dev.lowrank.engine.train;

import dev.lowrank.kernels.Kernels;
import java.util.OptionalLong;

/**
 * What a run finds before anything of it is in memory.
 *
 * @param process bytes that the process takes besides the run's own
 * @param available bytes that it may take in all; {@link Long#MAX_VALUE} where the system does not say
 */
public record Room(long process, long available) {
    /** What a step's code, compiled and loaded, adds to a process that has only read its data. */
    private static final long LATER = 51_000_000;

    /** On a device with memory of its own, that; else what this process may take. */
    static Room on(Kernels kernels) {
        OptionalLong free = kernels.freeBytes();
        return free.isPresent() ? new Room(0, free.getAsLong()) : ofThisProcess();
    }

    static Room ofThisProcess() {
        long held = ProcessMemory.now();
        long free = AvailableMemory.ofThisProcess().bytes();
        return new Room(held + LATER, free == Long.MAX_VALUE ? free : free + held);
    }

    boolean known() {
        return available != Long.MAX_VALUE;
    }
}
