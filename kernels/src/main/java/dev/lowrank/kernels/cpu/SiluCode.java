package dev.lowrank.kernels.cpu;

import java.util.function.IntConsumer;

/**
 * SiLU of vectors of sixteen elements and its derivative as machine code, in fp32. The arithmetic is that of {@link Curves}, to the bit.
 *
 * <p>Up to four vectors go through it side by side, an instruction of each at a time: what follows in the code, products in tiles
 * for instance, would wait if the processor had all of one vector's instructions before it, each waiting for the last. Vector v has the
 * registers {@link #z}, {@link #silu}, {@link #slope} and {@link #free}; those from 16 to 28 hold constants, 29 to 31 are not used.
 */
final class SiluCode {
    // Registers that stay: the constants in their order, then zero.
    private static final int LOG2_E = 16;
    private static final int ROUND = 17;
    private static final int SMALLEST = 18;
    private static final int MINUS_LN2_HIGH = 19;
    private static final int MINUS_LN2_LOW = 20;
    private static final int C7 = 21;
    private static final int C2 = 26;
    private static final int ONE = 27;
    private static final int ZERO = 28;

    private static final int MASK = 4; // of the first vector

    private final Assembler code;

    SiluCode(Assembler code) {
        this.code = code;
    }

    /** Where the argument is, and stays. */
    static int z(int v) {
        return 4 * v;
    }

    /** Where silu(z) comes. */
    static int silu(int v) {
        return 4 * v + 1;
    }

    /** Where silu'(z) comes, if it is wanted. */
    static int slope(int v) {
        return 4 * v + 2;
    }

    /** A register that is only worked with. */
    static int free(int v) {
        return 4 * v + 3;
    }

    /** Loads {@link Exp#CONSTANTS} from memory. */
    void constants(int base, int displacement) {
        for (int i = 0; i <= ONE - LOG2_E; i++) {
            code.spread(LOG2_E + i, base, displacement + i * Float.BYTES);
        }
        code.subtractFloats(ZERO, ONE, ONE);
    }

    /** {@code silu(z) = z s} with {@code s = 1 / (1 + e^-z)}. */
    void values(int vectors) {
        sigmoids(vectors);
        each(vectors, v -> code.multiplyFloats(silu(v), z(v), silu(v)));
    }

    /** The same, and {@code silu'(z) = s (1 + z (1 - s))}. */
    void slopes(int vectors) {
        sigmoids(vectors);
        each(vectors, v -> code.subtractFloats(slope(v), ONE, silu(v)));
        each(vectors, v -> code.multiplyAdd(slope(v), z(v), ONE));
        each(vectors, v -> code.multiplyFloats(slope(v), silu(v), slope(v)));
        each(vectors, v -> code.multiplyFloats(silu(v), z(v), silu(v)));
    }

    /** The sigmoid of z where silu(z) will be: {@code e^-|z| = 2^n e^r}, over or under one plus it. */
    private void sigmoids(int vectors) {
        each(vectors, v -> code.subtractFloats(silu(v), ZERO, z(v)));
        each(vectors, v -> code.smaller(silu(v), silu(v), z(v)));
        each(vectors, v -> code.moveFloats(free(v), silu(v)));
        each(vectors, v -> code.multiplyAdd(free(v), LOG2_E, ROUND));
        each(vectors, v -> code.notBelow(MASK + v, silu(v), SMALLEST));
        each(vectors, v -> code.subtractFloats(free(v), free(v), ROUND)); // n
        each(vectors, v -> code.addProduct(silu(v), free(v), MINUS_LN2_HIGH));
        each(vectors, v -> code.addProduct(silu(v), free(v), MINUS_LN2_LOW)); // r
        each(vectors, v -> code.moveFloats(slope(v), C7));
        for (int c = C7 + 1; c <= C2; c++) {
            int next = c;
            each(vectors, v -> code.multiplyAdd(slope(v), silu(v), next));
        }
        each(vectors, v -> code.multiplyAdd(slope(v), silu(v), ONE));
        each(vectors, v -> code.multiplyAdd(slope(v), silu(v), ONE));
        each(vectors, v -> code.scale(slope(v), slope(v), free(v), MASK + v));
        each(vectors, v -> code.below(MASK + v, z(v), ZERO));
        each(vectors, v -> code.choose(silu(v), MASK + v, slope(v), ONE));
        each(vectors, v -> code.addFloats(slope(v), slope(v), ONE));
        each(vectors, v -> code.divideFloats(silu(v), silu(v), slope(v)));
    }

    private static void each(int vectors, IntConsumer instruction) {
        for (int v = 0; v < vectors; v++) {
            instruction.accept(v);
        }
    }
}
