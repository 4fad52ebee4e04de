package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** By machine code of our own ({@link ScoreCode}), in one pass. */
final class CodedScores implements ScorePasses {
    /** A call takes less than a microsecond, so the virtual machine need not be told of it. */
    private static final Linker.Option UNTOLD = Linker.Option.critical(false);

    private static final Optional<MachineCode> EXPONENTIALS = MachineCode.ofVectors(ScoreCode.exponentials(), UNTOLD);
    private static final Optional<MachineCode> GRADIENTS = MachineCode.ofVectors(ScoreCode.gradients(), UNTOLD);

    private final MemorySegment arguments = Arena.ofAuto().allocate(ScoreCode.BYTES, 64);
    private final MachineCode exponentials = EXPONENTIALS.orElseThrow();
    private final MachineCode gradients = GRADIENTS.orElseThrow();

    CodedScores() {
        for (int i = 0; i < Bf16Softmax.CONSTANTS.length; i++) {
            set(ScoreCode.CONSTANTS + i * Float.BYTES, Bf16Softmax.CONSTANTS[i]);
        }
        for (int i = 0; i < 32; i++) {
            arguments.set(JAVA_SHORT, ScoreCode.ORDER + (long) i * Short.BYTES, (short) (i / 2 + i % 2 * 16));
        }
    }

    /** Whether the processor rounds to BF16 in vectors of 512 bits and the system lets us write code. */
    static boolean works() {
        return EXPONENTIALS.isPresent() && GRADIENTS.isPresent();
    }

    @Override
    public float exponentials(MemorySegment s, long row, int from, int to, float factor, float shift) {
        long at = s.address() + row * Float.BYTES;
        set(ScoreCode.S_A, at + (long) from * Float.BYTES);
        set(ScoreCode.ROW_A, at + from / 2 * (long) Float.BYTES);
        set(ScoreCode.STEPS, (to - from) / Bf16Softmax.STEP);
        set(ScoreCode.FACTOR, factor);
        set(ScoreCode.SHIFT_A, -shift);
        exponentials.call(arguments.address());
        return arguments.get(JAVA_FLOAT, ScoreCode.SUM);
    }

    @Override
    public void gradients(
            Pair pair,
            MemorySegment s,
            MemorySegment dP,
            int from,
            int to,
            float factor,
            MemorySegment p,
            MemorySegment dS,
            long pairs,
            long run) {
        long a = pair.rowA() * Float.BYTES;
        long b = pair.rowB() * Float.BYTES;
        long first = (long) from * Float.BYTES;
        long firstPair = (pairs + from / Bf16Softmax.STEP * run) * Integer.BYTES;
        set(ScoreCode.S_A, s.address() + a + first);
        set(ScoreCode.S_B, s.address() + b + first);
        set(ScoreCode.DP_A, dP.address() + a + first);
        set(ScoreCode.DP_B, dP.address() + b + first);
        set(ScoreCode.ROW_A, dP.address() + a + first / 2);
        set(ScoreCode.ROW_B, dP.address() + b + first / 2);
        set(ScoreCode.P, p.address() + firstPair);
        set(ScoreCode.DS, dS.address() + firstPair);
        set(ScoreCode.RUN, run * Integer.BYTES);
        set(ScoreCode.STEPS, (to - from) / Bf16Softmax.STEP);
        set(ScoreCode.FACTOR, factor);
        set(ScoreCode.SHIFT_A, -pair.shiftA());
        set(ScoreCode.SHIFT_B, -pair.shiftB());
        set(ScoreCode.DELTA_A, pair.deltaA());
        set(ScoreCode.DELTA_B, pair.deltaB());
        gradients.call(arguments.address());
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }

    private void set(int place, float value) {
        arguments.set(JAVA_FLOAT, place, value);
    }
}
