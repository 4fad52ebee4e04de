package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Rotary position embedding of BF16 rows by machine code of our own ({@link RopeCode}), to the bits of {@link Rope}. An instance
 * belongs to one thread.
 */
final class CodedRope {
    /** Pairs of one step. */
    private static final int STEP = 16;

    private static final Optional<MachineCode> TURN = MachineCode.ofVectors(RopeCode.turn());

    private final MemorySegment arguments = Arena.ofAuto().allocate(RopeCode.BYTES, 64);

    /** Whether it takes rows x of which each head has so many pairs. */
    static boolean takes(Tensor x, int half) {
        return TURN.isPresent() && x.dtype() == DType.BF16 && half % STEP == 0;
    }

    /** Turns the rows {@code [from, to)} by cos and {@code sign sin}. */
    void run(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, float sign, long from, long to) {
        long columns = x.columns();
        long half = cos.columns();
        set(RopeCode.X, x.data().address() + from * columns * Short.BYTES);
        set(RopeCode.POSITIONS, positions.data().address() + from * Integer.BYTES);
        set(RopeCode.COS, cos.data().address());
        set(RopeCode.SIN, sin.data().address());
        set(RopeCode.ANGLES, half * Float.BYTES);
        set(RopeCode.ROWS, to - from);
        set(RopeCode.STEPS, half / STEP);
        set(RopeCode.HEADS, heads);
        set(RopeCode.HALF, half * Short.BYTES);
        set(RopeCode.WIDTH, columns / heads * Short.BYTES);
        set(RopeCode.REST, (columns - half) * Short.BYTES);
        arguments.set(JAVA_FLOAT, RopeCode.SIGN, sign);
        TURN.orElseThrow().call(arguments.address());
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }
}
