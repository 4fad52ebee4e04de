package dev.lowrank.kernels.cpu;

/** The instructions of {@link Exp#exp}, to the bit, for code that keeps its constants in vectors. */
final class ExpCode {
    // Vectors that stay: Exp.CONSTANTS in their order.
    private static final int LOG2_E = 16;
    private static final int ROUND = 17;
    private static final int SMALLEST = 18;
    private static final int MINUS_LN2_HIGH = 19;
    private static final int MINUS_LN2_LOW = 20;
    private static final int C7 = 21;
    private static final int C2 = 26;
    static final int ONE = 27;

    private static final int VISIBLE = 1; // a mask

    private ExpCode() {}

    /** Loads the constants, which lie at a displacement from the base. */
    static void constants(Assembler code, int base, int displacement) {
        for (int i = 0; i <= ONE - LOG2_E; i++) {
            code.spread(LOG2_E + i, base, displacement + i * Float.BYTES);
        }
    }

    /** {@code to = e^x}; three vectors from {@code free} on and mask 1 are worked with. */
    static void exp(Assembler code, int to, int x, int free) {
        int shifted = free;
        int n = free + 1;
        int r = free + 2;
        code.moveFloats(shifted, x);
        code.multiplyAdd(shifted, LOG2_E, ROUND);
        code.subtractFloats(n, shifted, ROUND);
        code.moveFloats(r, n);
        code.multiplyAdd(r, MINUS_LN2_HIGH, x);
        code.moveFloats(shifted, n);
        code.multiplyAdd(shifted, MINUS_LN2_LOW, r);
        code.moveFloats(r, shifted);
        code.moveFloats(to, C7);
        for (int c = C7 + 1; c <= C2; c++) {
            code.multiplyAdd(to, r, c);
        }
        code.multiplyAdd(to, r, ONE);
        code.multiplyAdd(to, r, ONE);
        code.notBelow(VISIBLE, x, SMALLEST);
        code.scale(to, to, n, VISIBLE);
    }
}
