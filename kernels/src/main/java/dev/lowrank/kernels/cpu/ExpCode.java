package dev.lowrank.kernels.cpu;

import java.util.function.IntConsumer;
import java.util.function.IntUnaryOperator;

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

    private ExpCode() {}

    /** Loads the constants, which lie at a displacement from the base. */
    static void constants(Assembler code, int base, int displacement) {
        for (int i = 0; i <= ONE - LOG2_E; i++) {
            code.spread(LOG2_E + i, base, displacement + i * Float.BYTES);
        }
    }

    /**
     * {@code to = e^x} for some vectors side by side, an instruction of each at a time. Vectors x and n are worked with, and a mask for each.
     *
     * @param to the register of vector v; {@code x} and {@code n} likewise
     * @param mask of the first vector
     */
    static void exp(
            Assembler code, int vectors, IntUnaryOperator to, IntUnaryOperator x, IntUnaryOperator n, int mask) {
        each(vectors, v -> code.moveFloats(n.applyAsInt(v), x.applyAsInt(v)));
        each(vectors, v -> code.multiplyAdd(n.applyAsInt(v), LOG2_E, ROUND));
        each(vectors, v -> code.notBelow(mask + v, x.applyAsInt(v), SMALLEST));
        each(vectors, v -> code.subtractFloats(n.applyAsInt(v), n.applyAsInt(v), ROUND));
        each(vectors, v -> code.addProduct(x.applyAsInt(v), n.applyAsInt(v), MINUS_LN2_HIGH));
        each(vectors, v -> code.addProduct(x.applyAsInt(v), n.applyAsInt(v), MINUS_LN2_LOW)); // r
        each(vectors, v -> code.moveFloats(to.applyAsInt(v), C7));
        for (int c = C7 + 1; c <= C2; c++) {
            int next = c;
            each(vectors, v -> code.multiplyAdd(to.applyAsInt(v), x.applyAsInt(v), next));
        }
        each(vectors, v -> code.multiplyAdd(to.applyAsInt(v), x.applyAsInt(v), ONE));
        each(vectors, v -> code.multiplyAdd(to.applyAsInt(v), x.applyAsInt(v), ONE));
        each(vectors, v -> code.scale(to.applyAsInt(v), to.applyAsInt(v), n.applyAsInt(v), mask + v));
    }

    static void each(int vectors, IntConsumer instruction) {
        for (int v = 0; v < vectors; v++) {
            instruction.accept(v);
        }
    }
}
