package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** Sums over rows as products with the wide factor packed, some columns at a time. */
final class PackedSums implements RowSums {
    /** Columns that are interleaved at a time. */
    private static final int GROUP = 512;

    private final Bf16Matmul.Part mine;
    private final Scratch pairs = new Scratch();

    PackedSums(Bf16Matmul.Part mine) {
        this.mine = mine;
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
        Bf16Matmul.Left turned = mine.turned(new Bf16Matmul.Left(thin, rank, true), m, 0, rank); // [r, m]
        Bf16Matmul.Target to = new Bf16Matmul.Target(sum, strideOfSum, false);
        for (int c = 0; c < n; c += GROUP) {
            int columns = Math.min(GROUP, n - c);
            PackedMatrix group = new PackedMatrix(pairs.atLeast(PackedMatrix.bytes(m, columns)), m, columns, m);
            group.fill(wide.asSlice((long) c * Short.BYTES), strideOfWide, false, 0, PackedMatrix.blocks(columns));
            mine.product().run(rank, columns, Bf16Matmul.factors(turned, 0, group), null, to.at(0, c), accumulate);
        }
    }

    /** They are. */
    @Override
    public void order(MemorySegment sum, int rank, int n, int from, int to) {}

    @Override
    public void close() {
        pairs.close();
    }
}
