package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * RMSNorm of F32 rows to and from BF16 by machine code of our own ({@link NormCode}), to the bits of {@link RmsNorm}. An instance
 * belongs to one thread.
 */
final class CodedNorm {
    /** Columns of one step. */
    private static final int STEP = 64;

    /** Rows from one pass to the next: they stay in the cache. */
    private static final int ROWS = 8;

    private static final Optional<MachineCode> SQUARES = MachineCode.ofVectors(NormCode.squares());
    private static final Optional<MachineCode> SCALED = MachineCode.ofVectors(NormCode.scaled());
    private static final Optional<MachineCode> PRODUCTS = MachineCode.ofVectors(NormCode.products());
    private static final Optional<MachineCode> GRADIENTS = MachineCode.ofVectors(NormCode.gradients());

    private final MemorySegment arguments = Arena.ofAuto().allocate(NormCode.BYTES, 64);
    private final MemorySegment sums = Arena.ofAuto().allocate(ROWS * Float.BYTES, 64); // F32 [ROWS]

    /** Whether it takes rows of fp32 whose norm, or its gradient, is {@code half}. */
    static boolean takes(Tensor x, Tensor half) {
        return GRADIENTS.isPresent() && x.dtype() == DType.F32 && half.dtype() == DType.BF16 && x.columns() % STEP == 0;
    }

    /** {@code y = x r (offset + weight)} and r for the rows {@code [from, to)}. */
    void forward(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd, long from, long to) {
        int columns = x.columns();
        for (long n = from; n < to; n += ROWS) {
            int rows = place(x, y, weight, offset, n, to);
            set(NormCode.R, rstd.data().address() + n * Float.BYTES);
            SQUARES.orElseThrow().call(arguments.address());
            for (int i = 0; i < rows; i++) {
                Lanes.set(rstd.data(), n + i, RmsNorm.rstd(Lanes.get(sums, i), columns, epsilon));
            }
            SCALED.orElseThrow().call(arguments.address());
        }
    }

    /** {@code dx += m r - x r^3 mean(m x)} for the rows {@code [from, to)}, with {@code m = dy (offset + weight)}. */
    void backward(Tensor dy, Tensor x, Tensor weight, float offset, Tensor rstd, Tensor dx, long from, long to) {
        int columns = x.columns();
        for (long n = from; n < to; n += ROWS) {
            int rows = place(x, dy, weight, offset, n, to);
            set(NormCode.R, rstd.data().address() + n * Float.BYTES);
            set(NormCode.D_X, dx.data().address() + n * columns * Float.BYTES);
            PRODUCTS.orElseThrow().call(arguments.address());
            for (int i = 0; i < rows; i++) {
                float r = Lanes.get(rstd.data(), n + i);
                Lanes.set(sums, i, -(r * r * r * (Lanes.get(sums, i) / columns)));
            }
            GRADIENTS.orElseThrow().call(arguments.address());
        }
    }

    /** From row n on; returns how many rows. */
    private int place(Tensor x, Tensor half, Tensor weight, float offset, long n, long to) {
        int columns = x.columns();
        int rows = (int) Math.min(ROWS, to - n);
        set(NormCode.X, x.data().address() + n * columns * Float.BYTES);
        set(NormCode.HALF, half.data().address() + n * columns * Short.BYTES);
        set(NormCode.WEIGHT, weight.data().address());
        set(NormCode.SUMS, sums.address());
        set(NormCode.ROWS, rows);
        set(NormCode.STEPS, columns / STEP);
        set(NormCode.AHEAD, (long) rows * columns * Float.BYTES);
        arguments.set(JAVA_FLOAT, NormCode.OFFSET, offset);
        return rows;
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }
}
