package dev.lowrank.kernels.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Places without memory behind them: they have sizes and can be divided, and to read or write one is an error. */
public final class Nowhere {
    /** More than any device has. */
    static final long BYTES = 1L << 60;

    private static final MemorySegment ALL = Owner.segment();

    /** The same places for everyone. */
    public static final MemorySource SOURCE = (arena, bytes) -> ALL.asSlice(0, bytes);

    private Nowhere() {}

    /** Has a segment for itself alone and ends, so that the segment stays alive and nobody may look into it. */
    private static final class Owner extends Thread {
        private MemorySegment owned = MemorySegment.NULL;

        @Override
        public void run() {
            owned = MemorySegment.NULL.reinterpret(BYTES, Arena.ofConfined(), null);
        }

        static MemorySegment segment() {
            Owner owner = new Owner();
            owner.start();
            while (owner.isAlive()) {
                try {
                    owner.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt(); // Which the end of so short a life need not wait for.
                }
            }
            return owner.owned;
        }
    }
}
