package dev.lowrank.kernels.cpu;

import java.util.function.IntUnaryOperator;

/** The instructions of {@link Bf16Softmax}'s power of two, to the bit where what is not normal is zero, for code that keeps its constants in vectors. */
final class PowerCode {
    /** Vectors of constants: {@link Bf16Softmax#CONSTANTS} in their order. */
    static final int CONSTANTS = Bf16Softmax.CONSTANTS.length;

    private PowerCode() {}

    /**
     * {@code to = 2^t} for some vectors side by side, an instruction of each at a time; vectors f are worked with.
     *
     * @param to the register of vector v; {@code t} and {@code f} likewise
     * @param mask of vector v, whose other lanes become zero; 0 for all lanes
     * @param constants the first register of the constants
     */
    static void powers(
            Assembler code,
            int vectors,
            IntUnaryOperator to,
            IntUnaryOperator t,
            IntUnaryOperator f,
            IntUnaryOperator mask,
            int constants) {
        ExpCode.each(vectors, v -> code.fraction(f.applyAsInt(v), t.applyAsInt(v)));
        ExpCode.each(vectors, v -> code.moveFloats(to.applyAsInt(v), constants));
        for (int c = constants + 1; c < constants + CONSTANTS; c++) {
            int next = c;
            ExpCode.each(vectors, v -> code.multiplyAdd(to.applyAsInt(v), f.applyAsInt(v), next));
        }
        ExpCode.each(vectors, v -> code.scale(to.applyAsInt(v), to.applyAsInt(v), t.applyAsInt(v), mask.applyAsInt(v)));
    }
}
