package dev.lowrank.kernels.cpu;

/**
 * SiLU gates of sixteen elements as machine code, in fp32. The arithmetic is that of {@link Curves}, to the bit. The vectors from 9 to 13
 * are worked with and those from 16 to 28 hold constants; masks 4 and 5 are used.
 */
final class SiluCode {
    // Vectors that stay: the constants in their order, then zero.
    private static final int LOG2_E = 16;
    private static final int ROUND = 17;
    private static final int SMALLEST = 18;
    private static final int MINUS_LN2_HIGH = 19;
    private static final int MINUS_LN2_LOW = 20;
    private static final int C7 = 21;
    private static final int C2 = 26;
    private static final int ONE = 27;
    private static final int ZERO = 28;

    private static final int VISIBLE = 4; // masks
    private static final int NEGATIVE = 5;

    private final Assembler code;

    SiluCode(Assembler code) {
        this.code = code;
    }

    /** Loads {@link Exp#CONSTANTS} from memory. */
    void constants(int base, int displacement) {
        for (int i = 0; i <= ONE - LOG2_E; i++) {
            code.spread(LOG2_E + i, base, displacement + i * Float.BYTES);
        }
        code.subtractFloats(ZERO, ONE, ONE);
    }

    /** {@code out = silu(z) up}. */
    void gated(int out, int z, int up) {
        int s = 8;
        sigmoid(s, z);
        code.multiplyFloats(s, z, s);
        code.multiplyFloats(out, s, up);
    }

    /**
     * {@code dUp = d silu(z)} and {@code dGate = d up silu'(z)} with {@code silu'(z) = s (1 + z (1 - s))}; d is lost.
     *
     * @param silu becomes silu(z)
     */
    void gradients(int dGate, int dUp, int silu, int z, int up, int d) {
        int s = 8;
        int slope = 9;
        sigmoid(s, z);
        code.multiplyFloats(silu, z, s);
        code.multiplyFloats(dUp, d, silu);
        code.subtractFloats(slope, ONE, s);
        code.multiplyAdd(slope, z, ONE);
        code.multiplyFloats(slope, s, slope);
        code.multiplyFloats(d, d, up);
        code.multiplyFloats(dGate, d, slope);
    }

    /** {@code to = 1 / (1 + e^-z)}. */
    private void sigmoid(int to, int z) {
        int x = 9; // -|z|
        int shifted = 10;
        int n = 11;
        int r = 12;
        int e = 13;
        code.subtractFloats(x, ZERO, z);
        code.smaller(x, x, z);
        code.moveFloats(shifted, x);
        code.multiplyAdd(shifted, LOG2_E, ROUND);
        code.subtractFloats(n, shifted, ROUND);
        code.moveFloats(r, n);
        code.multiplyAdd(r, MINUS_LN2_HIGH, x);
        code.moveFloats(shifted, n);
        code.multiplyAdd(shifted, MINUS_LN2_LOW, r);
        code.moveFloats(r, shifted);
        code.moveFloats(e, C7);
        for (int c = C7 + 1; c <= C2; c++) {
            code.multiplyAdd(e, r, c);
        }
        code.multiplyAdd(e, r, ONE);
        code.multiplyAdd(e, r, ONE);
        code.notBelow(VISIBLE, x, SMALLEST);
        code.scale(e, e, n, VISIBLE);
        code.below(NEGATIVE, z, ZERO);
        code.choose(to, NEGATIVE, e, ONE);
        code.addFloats(e, e, ONE);
        code.divideFloats(to, to, e);
    }
}
