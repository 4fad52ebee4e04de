package dev.lowrank.kernels.cpu;

/** What {@link Assembler#loadControl} may load. */
final class VectorControl {
    /** Rounding to nearest, no exceptions, what is not normal is zero. */
    static final int FLUSHING = 0x9FC0;

    private VectorControl() {}
}
