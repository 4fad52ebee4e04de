package dev.lowrank.kernels.cpu;

/**
 * SiLU of vectors of sixteen elements and its derivative as machine code, in fp32. The arithmetic is that of {@link Curves}, to the bit.
 *
 * <p>Up to four vectors go through it side by side, an instruction of each at a time: what follows in the code, products in tiles
 * for instance, would wait if the processor had all of one vector's instructions before it, each waiting for the last. Vector v has the
 * registers {@link #z}, {@link #silu}, {@link #slope} and {@link #free}; those from 16 to 28 hold constants, 29 to 31 are not used.
 */
final class SiluCode {
    private static final int ZERO = 28; // a register that stays, behind the exponential's constants
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
        ExpCode.constants(code, base, displacement);
        code.subtractFloats(ZERO, ExpCode.ONE, ExpCode.ONE);
    }

    /** {@code silu(z) = z s} with {@code s = 1 / (1 + e^-z)}. */
    void values(int vectors) {
        sigmoids(vectors);
        ExpCode.each(vectors, v -> code.multiplyFloats(silu(v), z(v), silu(v)));
    }

    /** The same, and {@code silu'(z) = s (1 + z (1 - s))}. */
    void slopes(int vectors) {
        sigmoids(vectors);
        ExpCode.each(vectors, v -> code.subtractFloats(slope(v), ExpCode.ONE, silu(v)));
        ExpCode.each(vectors, v -> code.multiplyAdd(slope(v), z(v), ExpCode.ONE));
        ExpCode.each(vectors, v -> code.multiplyFloats(slope(v), silu(v), slope(v)));
        ExpCode.each(vectors, v -> code.multiplyFloats(silu(v), z(v), silu(v)));
    }

    /** The sigmoid of z where silu(z) will be: {@code e^-|z| = 2^n e^r}, over or under one plus it. */
    private void sigmoids(int vectors) {
        ExpCode.each(vectors, v -> code.subtractFloats(silu(v), ZERO, z(v)));
        ExpCode.each(vectors, v -> code.smaller(silu(v), silu(v), z(v)));
        ExpCode.exp(code, vectors, SiluCode::slope, SiluCode::silu, SiluCode::free, MASK);
        ExpCode.each(vectors, v -> code.below(MASK + v, z(v), ZERO));
        ExpCode.each(vectors, v -> code.choose(silu(v), MASK + v, slope(v), ExpCode.ONE));
        ExpCode.each(vectors, v -> code.addFloats(slope(v), slope(v), ExpCode.ONE));
        ExpCode.each(vectors, v -> code.divideFloats(silu(v), silu(v), slope(v)));
    }
}
