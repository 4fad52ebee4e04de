package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.stream.IntStream;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Sums over rows in the processor's tiles (AMX), which read the wide factor where it lies. A tile's product adds up pairs, and pairs
 * of a row's neighbours are not pairs of rows. So the thin factor comes twice: with zeros beside its elements it
 * picks the even columns, with zeros before them the odd ones. Half of what is multiplied is zeros; to put rows together by
 * pairs took several times as long as the products. Zeros times what is no number are none, so a column may spoil its neighbour.
 */
final class TileSums implements RowSums {
    private static final int SIZE = Transposition.SIZE;
    private static final int TILE = SIZE * SIZE; // words
    private static final int COLUMNS = 64;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final Optional<MachineCode> FIRST = code(false);
    private static final Optional<MachineCode> NEXT = code(true);

    private static final @Nullable MachineCode TURNED =
            MachineCode.ofVectors(SumCode.turned()).orElse(null);

    private static final IntVector FIRST_COLUMNS = columns(0);
    private static final IntVector LAST_COLUMNS = columns(SIZE / 2);

    private final MemorySegment arguments = Arena.ofAuto().allocate(SumCode.BYTES, 64);
    private final Scratch words = new Scratch(); // F32 [m, r], both rounded up to 16
    private final Scratch tiles = new Scratch(); // [r / 16, m / 16, even or odd, 16, 16] words
    private final PaddedRows padded = new PaddedRows();

    TileSums() {
        arguments.set(JAVA_BYTE, SumCode.TILES, (byte) 1); // the only palette there is
        for (int tile = 0; tile < 8; tile++) {
            arguments.set(JAVA_SHORT, SumCode.TILES + 16 + 2L * tile, (short) (SIZE * Integer.BYTES));
            arguments.set(JAVA_BYTE, SumCode.TILES + 48L + tile, (byte) SIZE);
        }
    }

    private static Optional<MachineCode> code(boolean accumulate) {
        return OneDnn.hasAmx() ? MachineCode.of(SumCode.of(accumulate)) : Optional.empty();
    }

    /** Whether this processor has tiles and the system lets us write code for them. */
    static boolean works() {
        return FIRST.isPresent() && NEXT.isPresent();
    }

    @Override
    public void add(
            int m,
            int rank,
            MemorySegment thin,
            int n,
            MemorySegment wide,
            long strideOfWide,
            MemorySegment sum,
            long strideOfSum,
            boolean accumulate) {
        int steps = (m + SIZE - 1) / SIZE;
        StripProduct.Factors rows = new StripProduct.Factors(wide.address(), strideOfWide, 0, 0, n);
        if (m % SIZE != 0 || n % COLUMNS != 0) {
            rows = padded.of(rows, m, steps * SIZE, COLUMNS);
        }
        MemorySegment turned = turned(m, rank, thin);
        for (int r = 0; r < rank; r += SIZE) {
            set(SumCode.THIN, turned.address() + (long) r / SIZE * steps * 2 * TILE * Integer.BYTES);
            set(SumCode.WIDE, rows.a());
            set(SumCode.STRIDE_OF_WIDE, rows.stride() * Short.BYTES);
            set(SumCode.STEP_OF_WIDE, SIZE * rows.stride() * Short.BYTES);
            set(SumCode.STEPS, steps);
            set(SumCode.SUM, sum.address() + r * strideOfSum * Float.BYTES);
            set(SumCode.STRIDE_OF_SUM, strideOfSum * Float.BYTES);
            set(SumCode.COLUMN_BLOCKS, RowSums.stride(n) / COLUMNS);
            (accumulate ? NEXT : FIRST).orElseThrow().call(arguments.address());
        }
    }

    /** Thin's tiles: 16 rows of it are 16 columns of a tile, each word an element and zeros. */
    private MemorySegment turned(int m, int rank, MemorySegment thin) {
        int steps = (m + SIZE - 1) / SIZE;
        int blocks = (rank + SIZE - 1) / SIZE;
        int stride = blocks * SIZE;
        MemorySegment turned = tiles.atLeast(2L * blocks * steps * TILE * Integer.BYTES);
        if (TURNED != null && rank == stride && m % SIZE == 0) {
            long row = (long) stride * Short.BYTES;
            for (int b = 0; b < blocks; b++) {
                long to = turned.address() + 2L * b * steps * TILE * Integer.BYTES;
                TURNED.call(thin.address() + (long) b * SIZE * Short.BYTES, row, to, steps, 0, 0);
            }
            return turned;
        }
        MemorySegment wide = words.atLeast((long) steps * SIZE * stride * Float.BYTES);
        if (rank == stride) {
            Floats.widen(thin, 0, wide, 0, m * rank);
        } else {
            wide.fill((byte) 0);
            for (int i = 0; i < m; i++) {
                Floats.widen(thin, (long) i * rank, wide, (long) i * stride, rank);
            }
        }
        long bytes = (long) m * stride * Float.BYTES;
        wide.asSlice(bytes, (long) steps * SIZE * stride * Float.BYTES - bytes).fill((byte) 0);
        for (int b = 0; b < blocks; b++) {
            for (int i = 0; i < steps; i++) {
                long even = 2L * (b * steps + i) * TILE;
                long odd = even + TILE;
                Transposition.run(wide, (long) i * SIZE * stride + b * SIZE, stride, turned, odd, SIZE);
                lower(turned, odd, even);
            }
        }
        return turned;
    }

    /** Elements in the upper halves of a tile's words go to the lower halves of another's. */
    private static void lower(MemorySegment tiles, long from, long to) {
        for (int i = 0; i < TILE; i += Lanes.WIDTH) {
            IntVector.fromMemorySegment(Lanes.I, tiles, (from + i) << 2, ORDER)
                    .lanewise(VectorOperators.LSHR, 16)
                    .intoMemorySegment(tiles, (to + i) << 2, ORDER);
        }
    }

    /** Of 32 columns the even ones lie first. */
    @Override
    public void order(MemorySegment sum, int rank, int n, int from, int to) {
        for (int r = 0; r < rank; r++) {
            long row = (long) r * RowSums.stride(n);
            for (long c = row + from; c < row + to; c += 2 * SIZE) {
                order(sum, c);
            }
        }
    }

    private static void order(MemorySegment sum, long at) {
        if (Lanes.WIDTH == SIZE) {
            IntVector even = IntVector.fromMemorySegment(Lanes.I, sum, at << 2, ORDER);
            IntVector odd = IntVector.fromMemorySegment(Lanes.I, sum, (at + SIZE) << 2, ORDER);
            FIRST_COLUMNS.selectFrom(even, odd).intoMemorySegment(sum, at << 2, ORDER);
            LAST_COLUMNS.selectFrom(even, odd).intoMemorySegment(sum, (at + SIZE) << 2, ORDER);
            return;
        }
        int[] columns = IntStream.range(0, 2 * SIZE)
                .map(i -> sum.getAtIndex(JAVA_INT, at + i / 2 + i % 2 * SIZE))
                .toArray();
        MemorySegment.copy(columns, 0, sum, JAVA_INT, at << 2, columns.length);
    }

    /** Lanes below 16 are the even columns', the others the odd ones'. */
    private static IntVector columns(int first) {
        int[] lanes = new int[Lanes.WIDTH];
        for (int i = 0; i < lanes.length; i++) {
            lanes[i] = first + i / 2 + i % 2 * lanes.length;
        }
        return IntVector.fromArray(Lanes.I, lanes, 0);
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }

    @Override
    public void close() {
        words.close();
        tiles.close();
        padded.close();
    }
}
