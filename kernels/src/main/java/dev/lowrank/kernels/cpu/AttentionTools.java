package dev.lowrank.kernels.cpu;

import org.jspecify.annotations.Nullable;

/** What one thread computes attention on BF16 with. */
record AttentionTools(
        StripProduct product,
        ScorePasses passes,
        RowPasses rows,
        @Nullable TileScores tiles) implements AutoCloseable {
    /** The fastest for this processor. */
    static AttentionTools best() {
        return new AttentionTools(
                StripProduct.best(),
                ScorePasses.best(),
                RowPasses.best(),
                TileScores.works() ? new TileScores() : null);
    }

    /** As on a processor without tiles, or where no code can be written. */
    static AttentionTools portable() {
        return new AttentionTools(new CompiledProduct(), new VectorScores(), new VectorRows(), null);
    }

    @Override
    public void close() {
        product.close();
        if (tiles != null) {
            tiles.close();
        }
    }
}
