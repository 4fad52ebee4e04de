package dev.lowrank.kernels.cpu;

/**
 * SiLU of vectors of sixteen elements and its derivative as machine code, by the arithmetic of {@link HalfSigmoid}, to the bit where what is
 * not normal is zero.
 *
 * <p>Up to four vectors go through it side by side, an instruction of each at a time: what follows in the code, products in tiles
 * for instance, would wait if the processor had all of one vector's instructions before it, each waiting for the last. Vector v has the
 * registers {@link #z}, {@link #silu}, {@link #slope} and {@link #free}; those from 16 to 27 hold constants, 28 to 31 are not used.
 */
final class SiluCode {
    // Vectors that stay: HalfSigmoid.CONSTANTS in their order.
    private static final int C4 = 16;
    private static final int ONE = 20;
    private static final int SIGN = 21;
    private static final int LOG2_E = 22;
    private static final int R3 = 23;
    private static final int R1 = 25;
    private static final int TWO = 26;
    private static final int ZERO = 27;
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

    /** Loads {@link HalfSigmoid#CONSTANTS} from memory. */
    void constants(int base, int displacement) {
        for (int i = 0; i <= ZERO - C4; i++) {
            code.spread(C4 + i, base, displacement + i * Float.BYTES);
        }
    }

    /** {@code silu(z) = z s} with the sigmoid s. */
    void values(int vectors) {
        sigmoids(vectors);
        ExpCode.each(vectors, v -> code.multiplyFloats(silu(v), z(v), silu(v)));
    }

    /** The same, and {@code silu'(z) = s (1 + z (1 - s))}. */
    void slopes(int vectors) {
        sigmoids(vectors);
        ExpCode.each(vectors, v -> code.subtractFloats(slope(v), ONE, silu(v)));
        ExpCode.each(vectors, v -> code.multiplyAdd(slope(v), z(v), ONE));
        ExpCode.each(vectors, v -> code.multiplyFloats(slope(v), silu(v), slope(v)));
        ExpCode.each(vectors, v -> code.multiplyFloats(silu(v), z(v), silu(v)));
    }

    /** The sigmoid of z where silu(z) will be. */
    private void sigmoids(int vectors) {
        ExpCode.each(vectors, v -> code.or(silu(v), z(v), SIGN));
        ExpCode.each(vectors, v -> code.multiplyFloats(silu(v), silu(v), LOG2_E));
        PowerCode.powers(code, vectors, SiluCode::slope, SiluCode::silu, SiluCode::free, v -> 0, C4); // e
        ExpCode.each(vectors, v -> code.moveFloats(free(v), R3));
        for (int c = R3 + 1; c <= R1; c++) {
            int next = c;
            ExpCode.each(vectors, v -> code.multiplyAdd(free(v), slope(v), next));
        }
        ExpCode.each(vectors, v -> code.multiplyAdd(free(v), slope(v), ONE));
        ExpCode.each(vectors, v -> code.addFloats(silu(v), slope(v), ONE));
        ExpCode.each(vectors, v -> code.subtractProduct(silu(v), free(v), TWO));
        ExpCode.each(vectors, v -> code.multiplyFloats(free(v), free(v), silu(v)));
        ExpCode.each(vectors, v -> code.below(MASK + v, z(v), ZERO));
        ExpCode.each(vectors, v -> code.choose(silu(v), MASK + v, slope(v), ONE));
        ExpCode.each(vectors, v -> code.multiplyFloats(silu(v), silu(v), free(v)));
    }
}
