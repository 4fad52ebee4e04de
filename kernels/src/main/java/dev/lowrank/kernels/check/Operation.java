package dev.lowrank.kernels.check;

import dev.lowrank.kernels.DType;

/**
 * An operation as it is compared.
 *
 * @param name as in {@link dev.lowrank.kernels.Kernels}
 * @param work asks a side for operands and results, and runs
 */
record Operation(String name, Closeness closeness, Work work) {
    /** Sums in fp32, in another order. */
    private static final double NEAR_IN_F32 = 2e-5;

    /** Numbers of 8 bits on the way, each rounded once or twice. */
    private static final double NEAR_IN_BF16 = 1.2e-2;

    /** How close two devices must come. */
    enum Closeness {
        /** To the bit. */
        EXACT,
        /** Up to the order of sums, and the type of activations. */
        NEAR,
        /** Up to BF16, whatever activations are: factors are rounded to it. */
        IN_BF16
    }

    /** What is done on each side. */
    @FunctionalInterface
    interface Work {
        void run(Side side);
    }

    static Operation near(String name, Work work) {
        return new Operation(name, Closeness.NEAR, work);
    }

    static Operation exact(String name, Work work) {
        return new Operation(name, Closeness.EXACT, work);
    }

    static Operation inBf16(String name, Work work) {
        return new Operation(name, Closeness.IN_BF16, work);
    }

    /** The most that norms may differ by. */
    double most(DType activations) {
        return switch (closeness) {
            case EXACT -> 0;
            case NEAR -> activations == DType.F32 ? NEAR_IN_F32 : NEAR_IN_BF16;
            case IN_BF16 -> NEAR_IN_BF16;
        };
    }
}
