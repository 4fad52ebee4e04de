package dev.lowrank.kernels.cuda;

/**
 * {@code c = alpha * op(a) * op(b) + beta * c} of BF16 factors by rows, with c [m, n] BF16 or F32 and sums in fp32.
 *
 * @param a address of [m, k], or of [k, m] if transposed; {@code b} of [k, n], or of [n, k]
 * @param cBf16 whether c is BF16, else F32
 */
record Product(
        long a,
        boolean transposeA,
        long b,
        boolean transposeB,
        float alpha,
        float beta,
        long c,
        boolean cBf16,
        int m,
        int n,
        int k) {
    /** What decides how it is best computed: all but where the matrices lie, and how aligned they are. */
    Shape shape() {
        return new Shape(transposeA, transposeB, beta != 0, cBf16, m, n, k, alignment(a), alignment(b), alignment(c));
    }

    record Shape(
            boolean transposeA,
            boolean transposeB,
            boolean adds,
            boolean cBf16,
            int m,
            int n,
            int k,
            int alignmentOfA,
            int alignmentOfB,
            int alignmentOfC) {}

    /** A power of two, at most 256. */
    private static int alignment(long address) {
        return (int) Math.min(256, Long.lowestOneBit(address | 256));
    }
}
