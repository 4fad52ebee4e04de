package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Products compiled by oneDNN, for processors that multiply bf16 but not in tiles. A product is compiled for one shape, which
 * takes a millisecond, so a strip is divided into powers of two: few shapes are ever compiled, however lengths vary. Where
 * C is BF16, the term is added to what was rounded once already.
 */
final class CompiledProduct implements StripProduct {
    private static final int LARGEST = 256;
    private static final int SMALLEST = 16;

    /** A panel of B, which a strip passes, should take no more than this: half of a usual second-level cache. */
    private static final long PANEL_BYTES = 1 << 20;

    private final Map<BlockedProduct.Shape, BlockedProduct> products = new HashMap<>();
    private final Scratch work = new Scratch();
    private final Scratch tailOfC = new Scratch();
    private final PaddedRows padded = new PaddedRows();
    private final PaddedRows tailOfA = new PaddedRows();

    @Override
    public int rows(int k) {
        return LARGEST;
    }

    @Override
    public void run(int m, int n, Factors factors, @Nullable Factors term, Target c, @Nullable Target base) {
        if (base != null && base.address() != c.address()) {
            Floats from = new Floats(PaddedRows.EVERYTHING.asSlice(base.address()), base.half());
            Floats to = new Floats(PaddedRows.EVERYTHING.asSlice(c.address()), c.half());
            for (long i = 0; i < m; i++) {
                Floats.convert(from, i * base.stride(), to, i * c.stride(), n);
            }
        }
        product(m, n, factors, c, base != null);
        if (term != null) {
            product(m, n, term, c, true);
        }
    }

    /** oneDNN may read on behind a row to a whole block, and what stands there might not be a number. */
    private void product(int m, int n, Factors all, Target c, boolean accumulate) {
        Factors f = all.k() % PackedMatrix.BLOCK == 0 ? all : padded.of(all, m, PackedMatrix.BLOCK);
        boolean dense = f.pitch() == PackedMatrix.blocks(f.k()) * PackedMatrix.BLOCK_BYTES;
        int panel = dense ? (int) Math.max(2, PANEL_BYTES / f.pitch()) : 1; // oneDNN knows no gaps between blocks
        for (int block = 0; block < PackedMatrix.blocks(n); block += panel) {
            int column = block * PackedMatrix.BLOCK;
            int columns = Math.min(n - column, panel * PackedMatrix.BLOCK);
            for (int i = 0; i < m; ) {
                int rows = Math.min(LARGEST, Integer.highestOneBit(m - i));
                Factors strip = new Factors(
                        f.a() + i * f.stride() * Short.BYTES, f.stride(), f.b() + block * f.pitch(), f.pitch(), f.k());
                Target part = new Target(c.address() + (i * c.stride() + column) * c.bytes(), c.stride(), c.half());
                if (rows < SMALLEST) {
                    rows = m - i;
                    tail(rows, columns, strip, part, accumulate);
                } else {
                    compiled(rows, columns, strip, part, accumulate);
                }
                i += rows;
            }
        }
    }

    private void compiled(int m, int n, Factors f, Target c, boolean accumulate) {
        BlockedProduct.Shape shape =
                new BlockedProduct.Shape(m, n, f.k(), f.stride(), c.stride(), c.half(), accumulate);
        BlockedProduct product = products.computeIfAbsent(shape, BlockedProduct::new);
        product.run(
                f.a(), f.b(), c.address(), work.atLeast(product.scratchBytes()).address());
    }

    /** The last rows, fewer than the smallest strip, computed with rows of zeros below them. */
    private void tail(int m, int n, Factors f, Target c, boolean accumulate) {
        Factors rows = tailOfA.of(f, m, SMALLEST, PackedMatrix.BLOCK);
        long row = (long) n * c.bytes();
        MemorySegment sums = tailOfC.atLeast(SMALLEST * row); // [16, n]
        sums.asSlice(0, SMALLEST * row).fill((byte) 0);
        for (int j = 0; accumulate && j < m; j++) {
            MemorySegment.copy(PaddedRows.EVERYTHING, c.address() + j * c.stride() * c.bytes(), sums, j * row, row);
        }
        compiled(SMALLEST, n, rows, new Target(sums.address(), n, c.half()), accumulate);
        for (int j = 0; j < m; j++) {
            MemorySegment.copy(sums, j * row, PaddedRows.EVERYTHING, c.address() + j * c.stride() * c.bytes(), row);
        }
    }

    /** How many products have been compiled. */
    int size() {
        return products.size();
    }

    @Override
    public void close() {
        products.values().forEach(BlockedProduct::destroy);
        products.clear();
        work.close();
        tailOfC.close();
        padded.close();
        tailOfA.close();
    }
}
