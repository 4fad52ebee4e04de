package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Attention's scores by the processor's tiles, which become probabilities as they come: {@link TileScoreCode}. The arithmetic is that of
 * {@link StripProduct} and {@link ScorePasses} one after the other. One thread at a time.
 */
final class TileScores implements AutoCloseable {
    private static final int BLOCK = PackedMatrix.BLOCK;
    private static final int HALF = BLOCK / 2;
    private static final int PAIRS = BLOCK / 2;
    private static final Optional<List<MachineCode>> CODE = TileProduct.works() ? compiled() : Optional.empty();

    private static final int EXPONENTIALS = 0; // and with borders
    private static final int GRADIENTS = 2;
    private static final int SUMS = 4;

    private static final int LANES = 16;

    private final MemorySegment arguments = Arena.ofAuto().allocate(TileScoreCode.BYTES, 64);
    private final MemorySegment sums = Arena.ofAuto().allocate(2 * TileScoreCode.SUMS_BYTES, 4096);
    private final Scratch sumsOfRows = new Scratch(); // fp32 [rows, 16]

    /**
     * Rows of Q, and of dO where gradients are wanted: BF16 [count, columns], dense.
     *
     * @param count a multiple of 32, as columns
     */
    record Rows(MemorySegment q, @Nullable MemorySegment dO, int count, int columns) {}

    /**
     * Some of the keys that are packed as columns, and of V's rows where gradients are wanted.
     *
     * @param from the place of the first among those packed
     * @param first the number by which rows see it
     * @param count a multiple of 32
     */
    record Keys(MemorySegment k, @Nullable MemorySegment v, int from, int first, int count) {
        Keys part(int begin, int end) {
            return new Keys(k, v, from + begin - first, begin, end - begin);
        }
    }

    TileScores() {
        for (int i = 0; i < PowerCode.CONSTANTS; i++) {
            arguments.set(JAVA_FLOAT, TileScoreCode.CONSTANTS + (long) i * Float.BYTES, Bf16Softmax.CONSTANTS[i]);
        }
        for (int i = 0; i < BLOCK; i++) {
            arguments.set(JAVA_SHORT, TileScoreCode.ORDER + (long) i * Short.BYTES, (short) (i / 2 + i % 2 * LANES));
            arguments.set(JAVA_INT, TileScoreCode.LANES + (long) i * Integer.BYTES, i);
        }
        arguments.set(JAVA_INT, TileScoreCode.NEXT_KEYS, BLOCK);
        arguments.set(JAVA_INT, TileScoreCode.CONTROL, Assembler.FLUSHING);
        TileCode.configuration(arguments, TileScoreCode.TILES, HALF, HALF);
    }

    /** Whether this processor has tiles and vectors and the system lets us write code for them. */
    static boolean works() {
        return CODE.isPresent();
    }

    private static Optional<List<MachineCode>> compiled() {
        List<MachineCode> codes = Stream.of(
                        TileScoreCode.exponentials(false),
                        TileScoreCode.exponentials(true),
                        TileScoreCode.gradients(false),
                        TileScoreCode.gradients(true),
                        TileScoreCode.sums())
                .flatMap(code -> MachineCode.ofVectors(code).stream())
                .toList();
        return codes.size() > SUMS ? Optional.of(codes) : Optional.empty();
    }

    /**
     * {@code P = 2^(factor s + shift)}, in BF16; zero where a row does not see a key. The sum of a row before rounding becomes its delta.
     *
     * @param p [rows, keys], {@code stride} elements from one row to the next
     */
    void exponentials(Rows rows, Keys keys, ScoreRows seen, float factor, MemorySegment p, long stride) {
        MemorySegment beside = sumsOfRows.atLeast((long) rows.count * LANES * Float.BYTES);
        beside.fill((byte) 0);
        begin(rows, factor);
        set(TileScoreCode.BESIDE, beside.address());
        set(TileScoreCode.PITCH_BESIDE, 0);
        run(EXPONENTIALS, rows, keys, seen, p, stride);
        code(SUMS).call(beside.address(), seen.table().address() + ScoreRows.DELTA, rows.count, 0, 0, 0);
    }

    /**
     * {@code P = 2^(factor s + shift)} and {@code dS = P (dO V^T - delta)}; zero where a row does not see a key. Both are written as they are packed for
     * the right side of a product, and dS by rows, too.
     *
     * @param p packed [keys / 32][rows / 32][16][32][2]
     * @param dS the same
     * @param rowsOfDS [rows, keys], {@code stride} elements from one row to the next
     */
    void gradients(
            Rows rows,
            Keys keys,
            ScoreRows seen,
            float factor,
            MemorySegment p,
            MemorySegment dS,
            MemorySegment rowsOfDS,
            long stride) {
        begin(rows, factor);
        set(TileScoreCode.D_O, Objects.requireNonNull(rows.dO).address());
        set(TileScoreCode.BESIDE, p.address());
        set(TileScoreCode.PITCH_BESIDE, Bf16Layout.pitch(rows.count));
        set(TileScoreCode.PAIRS_OF_DS, dS.address() - p.address());
        run(GRADIENTS, rows, keys, seen, rowsOfDS, stride);
    }

    private void begin(Rows rows, float factor) {
        long stride = (long) rows.columns * Short.BYTES;
        int steps = rows.columns / BLOCK;
        set(TileScoreCode.Q, rows.q.address());
        set(TileScoreCode.STRIDE_OF_Q, stride);
        set(TileScoreCode.LOWER_Q, HALF * stride);
        set(TileScoreCode.PITCH_OF_Q, BLOCK * stride);
        set(TileScoreCode.PITCH_OF_K, Bf16Layout.pitch(rows.columns));
        set(TileScoreCode.STEPS, steps);
        set(TileScoreCode.ROW_BLOCKS, rows.count / BLOCK);
        set(TileScoreCode.SUMS, sums.address());
        set(TileScoreCode.OTHER_SUMS, sums.address() + TileScoreCode.SUMS_BYTES);
        arguments.set(JAVA_FLOAT, TileScoreCode.FACTOR, factor);
    }

    /** The keys that all rows see, and those before and behind them. */
    private void run(int variant, Rows rows, Keys keys, ScoreRows seen, MemorySegment target, long stride) {
        int products = variant == GRADIENTS ? 2 : 1;
        int steps = products * rows.columns / BLOCK;
        set(TileScoreCode.PAIRS_A_STEP, (PAIRS + steps - 1) / steps);
        set(TileScoreCode.TABLE, seen.table().address());
        set(TileScoreCode.ROWS, target.address());
        set(TileScoreCode.STRIDE_OF_ROWS, stride * Short.BYTES);
        int end = keys.first + keys.count;
        int allFrom = keys.first + Math.clamp(up(seen.lastBegin() - keys.first), 0, keys.count);
        int allTo = keys.first + Math.clamp(down(seen.firstEnd() - keys.first), allFrom - keys.first, keys.count);
        run(variant + 1, rows, keys.part(keys.first, allFrom));
        run(variant, rows, keys.part(allFrom, allTo));
        run(variant + 1, rows, keys.part(allTo, end));
    }

    private static int up(int keys) {
        return keys + BLOCK - 1 & -BLOCK;
    }

    private static int down(int keys) {
        return keys & -BLOCK;
    }

    private void run(int variant, Rows rows, Keys keys) {
        if (keys.count == 0) {
            return;
        }
        set(TileScoreCode.K, keys.k.address() + Bf16Layout.columnBytes(keys.from, rows.columns));
        if (keys.v != null) {
            set(TileScoreCode.V, keys.v.address() + Bf16Layout.columnBytes(keys.from, rows.columns));
        }
        set(TileScoreCode.KEY_BLOCKS, keys.count / BLOCK);
        arguments.set(JAVA_INT, TileScoreCode.FIRST_KEY, keys.first);
        code(variant).call(arguments.address());
    }

    private static MachineCode code(int variant) {
        return CODE.orElseThrow().get(variant);
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }

    @Override
    public void close() {
        sumsOfRows.close();
    }
}
