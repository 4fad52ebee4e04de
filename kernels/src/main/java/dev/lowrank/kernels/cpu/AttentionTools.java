package dev.lowrank.kernels.cpu;

/** What one thread computes attention on BF16 with. */
record AttentionTools(StripProduct product, ScorePasses passes, RowPasses rows) {
    /** The fastest for this processor. */
    static AttentionTools best() {
        return new AttentionTools(StripProduct.best(), ScorePasses.best(), RowPasses.best());
    }

    /** As on a processor without tiles, or where no code can be written. */
    static AttentionTools portable() {
        return new AttentionTools(new CompiledProduct(), new VectorScores(), new VectorRows());
    }
}
