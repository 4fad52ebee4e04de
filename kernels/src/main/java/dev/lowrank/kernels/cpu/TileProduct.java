package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.Activation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Products in the processor's tiles (AMX), by machine code of our own: {@link TileCode}. Each element of C is the sum in the
 * order of k, rounded once where C is BF16. With operands in the second cache two threads reach 4.1 TFLOP/s where
 * oneDNN's compiled products reach 2.5.
 */
final class TileProduct implements StripProduct {
    private static final int BLOCK = PackedMatrix.BLOCK;
    private static final int HALF = BLOCK / 2;

    /** Steps of 32 in a chunk of k: with so many, a block of B takes less than the first cache has. */
    private static final int STEPS = 18;

    /** Longer sums are done in parts, so that what a strip needs of A stays in the second cache. */
    private static final int LONGEST = 2048;

    /** What a strip of A should take at most in the second cache, which B streams through. */
    private static final int STRIP_BYTES = 600_000;

    /** With fewer rows B passes before its next block has come. */
    private static final int LEAST_ROWS = 256;

    private static final int MOST_ROWS = 512;

    private static final Optional<List<MachineCode>> CODE = OneDnn.hasAmx() ? compiled() : Optional.empty();

    private static final int LINE = 64;

    private static final int STRAIGHT = 2 * PlainRows.Base.values().length; // variants, those with plain rows first
    private static final int GATED = STRAIGHT + 1;
    private static final int GATE_GRADIENTS = STRAIGHT + 2;

    private final MemorySegment arguments = Arena.ofAuto().allocate(TileCode.BYTES, 64);
    private final Scratch sums = new Scratch();
    private final LongSum parts = new LongSum();
    private final PaddedRows padded = new PaddedRows();
    private final PaddedRows paddedTerm = new PaddedRows();

    /** Whether this processor has tiles and the system lets us write code for them. */
    static boolean works() {
        return CODE.isPresent();
    }

    /** All variants, those with few rows behind those with many: in the order of {@link #variant}, and two of gates. */
    private static Optional<List<MachineCode>> compiled() {
        List<byte[]> codes = new ArrayList<>();
        for (PlainRows.Base base : PlainRows.Base.values()) {
            add(codes, new PlainRows(false, base));
            add(codes, new PlainRows(true, base));
        }
        codes.add(TileCode.straight(false));
        codes.add(TileCode.straight(true));
        add(codes, GatedRows.VALUES);
        add(codes, GatedRows.GRADIENTS);
        List<MachineCode> all = new ArrayList<>();
        for (byte[] code : codes) {
            Optional<MachineCode> one = MachineCode.of(code);
            if (one.isEmpty()) {
                return Optional.empty();
            }
            all.add(one.get());
        }
        return Optional.of(all);
    }

    private static void add(List<byte[]> codes, TileRows rows) {
        codes.add(TileCode.of(rows, false));
        codes.add(TileCode.of(rows, true));
    }

    private static int variant(Target c, @Nullable Target base) {
        return 2 * added(c, base).ordinal() + (c.half() ? 1 : 0);
    }

    private static PlainRows.Base added(Target c, @Nullable Target base) {
        if (base == null) {
            return PlainRows.Base.NONE;
        }
        if (base.half() == c.half() && base.stride() == c.stride()) {
            return PlainRows.Base.BESIDE;
        }
        return base.half() ? PlainRows.Base.HALVES : PlainRows.Base.FLOATS;
    }

    TileProduct() {
        for (int i = 0; i < HalfSigmoid.CONSTANTS.length; i++) {
            arguments.set(JAVA_FLOAT, TileCode.CONSTANTS + (long) i * Float.BYTES, HalfSigmoid.CONSTANTS[i]);
        }
        arguments.set(JAVA_INT, TileCode.CONTROL, Assembler.FLUSHING);
    }

    @Override
    public int rows(int k) {
        int rows = STRIP_BYTES / (Short.BYTES * Math.min(k, LONGEST));
        return Math.clamp(rows / BLOCK * BLOCK, LEAST_ROWS, MOST_ROWS);
    }

    @Override
    public void run(int m, int n, Factors factors, @Nullable Factors term, Target c, @Nullable Target base) {
        Factors f = whole(factors, m);
        Factors t = wholeTerm(term, m);
        if (f.k() <= LONGEST) {
            sum(m, n, f, t, c, base);
        } else {
            inParts(m, n, f, t, c, base);
        }
    }

    /**
     * Whether rows can be gated as they come: by SiLU, from sums that are made in one part, in whole blocks of 32 columns, and lines
     * that can be written past the caches.
     */
    static boolean gates(Activation activation, int k, int n, long gate, long up) {
        return activation == Activation.SILU && k <= LONGEST && n % BLOCK == 0 && (gate | up) % LINE == 0;
    }

    /**
     * {@code up = A B + A' B'} and {@code value = silu(gate) up}, all [m, n] in BF16.
     *
     * @param value holds the gate's results
     * @param gate where these are kept, and at {@code up} up's, in an order that {@link #gateGradients} expects
     */
    void gated(int m, int n, Factors factors, Factors term, Target value, long gate, long up) {
        set(GatedRows.GATE, gate);
        set(GatedRows.UP, up);
        product(m, n, whole(factors, m), wholeTerm(term, m), value, null, GATED, GATED);
    }

    /**
     * With {@code d = A B + A' B'} the gradient of {@code value = silu(gate) up}: value, {@code dUp = d silu(gate)} and
     * {@code dGate = d up silu'(gate)}, all [m, n] in BF16 with rows as far apart as dGate's.
     */
    void gateGradients(
            int m, int n, Factors factors, Factors term, long gate, long up, long value, Target dGate, long dUp) {
        set(GatedRows.GATE, gate);
        set(GatedRows.UP, up);
        set(GatedRows.D_UP, dUp - dGate.address());
        set(GatedRows.VALUE, value - dGate.address());
        product(m, n, whole(factors, m), wholeTerm(term, m), dGate, null, GATE_GRADIENTS, GATE_GRADIENTS);
    }

    /** With k a multiple of 32. */
    private Factors whole(Factors factors, int m) {
        return factors.k() % BLOCK == 0 ? factors : padded.of(factors, m, BLOCK);
    }

    private @Nullable Factors wholeTerm(@Nullable Factors term, int m) {
        return term == null || term.k() % BLOCK == 0 ? term : paddedTerm.of(term, m, BLOCK);
    }

    /** Sums in fp32 between the parts of k. */
    private void inParts(int m, int n, Factors f, @Nullable Factors term, Target c, @Nullable Target base) {
        parts.begin(this, m, n, c, base, false);
        for (int k = 0; k < f.k(); k += LONGEST) {
            int length = Math.min(LONGEST, f.k() - k);
            boolean last = k + length == f.k();
            parts.add(f.part(k, length), last ? term : null, last);
        }
    }

    private void sum(int m, int n, Factors f, @Nullable Factors term, Target c, @Nullable Target base) {
        int variant = variant(c, base);
        if (base != null) {
            set(PlainRows.OFFSET, base.address() - c.address());
            set(TileCode.STRIDE_OF_BASE, base.stride() * base.bytes());
            set(TileCode.PITCH_OF_BASE, BLOCK * base.stride() * base.bytes());
        }
        product(m, n, f, term, c, base, !c.half() && base == null ? STRAIGHT : variant, variant);
    }

    /** k is a multiple of 32; the second variant is for columns that are no whole block. */
    private void product(
            int m, int n, Factors f, @Nullable Factors term, Target c, @Nullable Target base, int variant, int last) {
        int wholeRows = m / BLOCK * BLOCK;
        int wholeColumns = n / BLOCK * BLOCK;
        factors(f, term);
        set(TileCode.STRIDE_OF_C, c.stride() * c.bytes());
        set(TileCode.LOWER_C, HALF * c.stride() * c.bytes());
        set(TileCode.PITCH_OF_C, BLOCK * c.stride() * c.bytes());
        for (int i = 0; i < m; i += i < wholeRows ? wholeRows : BLOCK) {
            int rows = i < wholeRows ? BLOCK : m - i;
            rows(rows, i < wholeRows ? wholeRows / BLOCK : 1, f, term);
            for (int j = 0; j < n; j += j < wholeColumns ? wholeColumns : BLOCK) {
                columns(j < wholeColumns ? BLOCK : n - j, j < wholeColumns ? wholeColumns / BLOCK : 1);
                set(TileCode.A, f.a() + i * f.stride() * Short.BYTES);
                set(TileCode.B, f.b() + j / BLOCK * f.pitch());
                set(TileCode.C, c.address() + (i * c.stride() + j) * c.bytes());
                if (base != null) {
                    set(TileCode.BASE, base.address() + (i * base.stride() + j) * base.bytes());
                }
                if (term != null) {
                    set(TileCode.TERM_A, term.a() + i * term.stride() * Short.BYTES);
                    set(TileCode.TERM_B, term.b() + j / BLOCK * term.pitch());
                }
                int code = 2 * (j < wholeColumns ? variant : last) + (rows <= HALF ? 1 : 0);
                CODE.orElseThrow().get(code).call(arguments.address());
            }
        }
    }

    private void factors(Factors f, @Nullable Factors term) {
        int steps = f.k() / BLOCK;
        int chunks = (steps + STEPS - 1) / STEPS;
        int each = (steps + chunks - 1) / chunks;
        set(TileCode.STRIDE_OF_A, f.stride() * Short.BYTES);
        set(TileCode.PITCH_OF_A, BLOCK * f.stride() * Short.BYTES);
        set(TileCode.PITCH_OF_B, f.pitch());
        set(TileCode.CHUNKS, chunks);
        set(TileCode.STEPS, each);
        set(TileCode.LAST_STEPS, steps - (chunks - 1) * each);
        set(TileCode.CHUNK_PITCH_OF_A, each * (long) BLOCK * Short.BYTES);
        set(TileCode.CHUNK_PITCH_OF_B, each * (long) BLOCK * BLOCK * Short.BYTES);
        set(TileCode.TERM_STEPS, term == null ? 0 : term.k() / BLOCK);
        if (term != null) {
            set(TileCode.STRIDE_OF_TERM_A, term.stride() * Short.BYTES);
            set(TileCode.PITCH_OF_TERM_A, BLOCK * term.stride() * Short.BYTES);
            set(TileCode.PITCH_OF_TERM_B, term.pitch());
        }
    }

    /** Blocks of so many rows: 32, or what is left, of which 16 need no lower tiles. */
    private void rows(int rows, int blocks, Factors f, @Nullable Factors term) {
        set(TileCode.ROWS, rows);
        set(TileCode.ROW_BLOCKS, blocks);
        set(TileCode.LOWER_A, HALF * f.stride() * Short.BYTES);
        set(TileCode.LOWER_TERM_A, term == null ? 0 : HALF * term.stride() * Short.BYTES);
        boolean waits = arguments.get(JAVA_LONG, TileCode.CHUNKS) > 1;
        set(TileCode.PITCH_OF_SUMS, waits ? TileCode.BLOCK_OF_SUMS : 0);
        long bytes = (waits ? blocks : 1) * (long) TileCode.BLOCK_OF_SUMS;
        set(TileCode.SUMS, sums.atLeast(bytes).address());
        TileCode.configuration(arguments, TileCode.TILES, Math.min(rows, HALF), Math.max(0, rows - HALF));
    }

    private void columns(int columns, int blocks) {
        long mask = (1L << columns) - 1;
        set(TileCode.COLUMN_BLOCKS, blocks);
        set(TileCode.MASK, mask);
        set(TileCode.LOWER_MASK, mask & 0xFFFF);
        set(TileCode.UPPER_MASK, mask >>> HALF);
    }

    private void set(int place, long value) {
        arguments.set(JAVA_LONG, place, value);
    }

    @Override
    public void close() {
        sums.close();
        parts.close();
        padded.close();
        paddedTerm.close();
    }
}
