package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** By machine code of our own ({@link ScoreCode}), in one pass over each row and one call for a block. */
final class CodedScores implements ScorePasses {
    private static final Optional<MachineCode> EXPONENTIALS = MachineCode.ofVectors(ScoreCode.exponentials());
    private static final Optional<MachineCode> GRADIENTS = MachineCode.ofVectors(ScoreCode.gradients(false));
    private static final Optional<MachineCode> BORDERED = MachineCode.ofVectors(ScoreCode.gradients(true));

    private final MemorySegment arguments = Arena.ofAuto().allocate(ScoreCode.BYTES, 64);
    private final MachineCode exponentials = EXPONENTIALS.orElseThrow();
    private final MachineCode gradients = GRADIENTS.orElseThrow();
    private final MachineCode bordered = BORDERED.orElseThrow();

    CodedScores() {
        for (int i = 0; i < Bf16Softmax.CONSTANTS.length; i++) {
            set(ScoreCode.CONSTANTS + i * Float.BYTES, Bf16Softmax.CONSTANTS[i]);
        }
        for (int i = 0; i < 32; i++) {
            arguments.set(JAVA_SHORT, ScoreCode.ORDER + (long) i * Short.BYTES, (short) (i / 2 + i % 2 * 16));
        }
        set(ScoreCode.MINUS_INFINITY, Float.NEGATIVE_INFINITY);
        arguments.set(JAVA_INT, ScoreCode.SIXTEEN, 16);
        arguments.set(JAVA_INT, ScoreCode.CONTROL, Assembler.FLUSHING);
    }

    /** Whether the processor rounds to BF16 in vectors of 512 bits and the system lets us write code. */
    static boolean works() {
        return EXPONENTIALS.isPresent() && GRADIENTS.isPresent() && BORDERED.isPresent();
    }

    @Override
    public void exponentials(Block s, ScoreRows rows, float factor) {
        block(s, rows, factor);
        set(ScoreCode.ROWS, s.count());
        exponentials.call(arguments.address());
    }

    @Override
    public void gradients(
            Block s,
            ScoreRows rows,
            int first,
            float factor,
            MemorySegment dP,
            MemorySegment p,
            MemorySegment dS,
            long run) {
        block(s, rows, factor);
        set(ScoreCode.ROWS, s.count() / 2);
        set(ScoreCode.DP, dP.address());
        set(ScoreCode.P, p.address());
        set(ScoreCode.DS, dS.address());
        set(ScoreCode.RUN, run * Integer.BYTES);
        for (int i = 0; i < 16; i++) {
            arguments.set(JAVA_INT, ScoreCode.KEYS + (long) i * Integer.BYTES, first + i);
        }
        (rows.seeAll(first, s.keys()) ? gradients : bordered).call(arguments.address());
    }

    private void block(Block s, ScoreRows rows, float factor) {
        set(ScoreCode.S, s.data().address());
        set(ScoreCode.STRIDE, s.stride() * Float.BYTES);
        set(ScoreCode.TABLE, rows.table().address());
        set(ScoreCode.STEPS, s.keys() / Bf16Softmax.STEP);
        set(ScoreCode.FACTOR, factor);
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }

    private void set(int place, float value) {
        arguments.set(JAVA_FLOAT, place, value);
    }
}
