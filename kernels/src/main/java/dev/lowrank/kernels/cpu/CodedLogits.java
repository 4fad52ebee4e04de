package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** By machine code of our own ({@link LogitCode}), a tile in one call; without a soft cap. */
final class CodedLogits implements LogitPass {
    private static final Optional<MachineCode> CODE = MachineCode.ofVectors(LogitCode.pass());

    private final MemorySegment arguments = Arena.ofAuto().allocate(LogitCode.BYTES, 64);
    private final MachineCode code = CODE.orElseThrow();

    CodedLogits() {
        for (int i = 0; i < Exp.CONSTANTS.length; i++) {
            arguments.set(JAVA_FLOAT, LogitCode.CONSTANTS + (long) i * Float.BYTES, Exp.CONSTANTS[i]);
        }
    }

    /** Whether the processor rounds to BF16 in vectors of 512 bits and the system lets us write code. */
    static boolean works() {
        return CODE.isPresent();
    }

    @Override
    public void run(Tile tile, MemorySegment largest, MemorySegment sums, MemorySegment next) {
        tile.fillUp();
        set(LogitCode.LOGITS, tile.logits().address());
        set(LogitCode.STRIDE, tile.stride() * Float.BYTES);
        set(LogitCode.ROWS, tile.rows());
        long steps = tile.padded() / STEP;
        set(LogitCode.STEPS, steps);
        set(LogitCode.LARGEST, largest.address());
        set(LogitCode.SUMS, sums.address());
        set(LogitCode.NEXT, next.address());
        set(LogitCode.ADVANCE, Math.min(LogitCode.MOST_AHEAD, next.byteSize() / (tile.rows() * steps)));
        code.call(arguments.address());
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }
}
