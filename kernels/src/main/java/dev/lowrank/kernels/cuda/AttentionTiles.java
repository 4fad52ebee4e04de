package dev.lowrank.kernels.cuda;

/**
 * A kernel of attention for heads up to a width, and what its blocks are made of: attention_half.cu and attention_half_backward.cu where
 * all is BF16, else attention_full.cu.
 *
 * @param rows of a block, queries or keys
 * @param passes blocks for the same rows
 * @param bytes of shared memory
 */
record AttentionTiles(String kernel, int rows, int passes, int bytes) {
    private static final int WIDEST = 256;
    private static final int THREADS = 128;
    private static final int[] HALF_WIDTHS = {32, 64, 80, 96, 128, WIDEST};
    private static final int[] FULL_WIDTHS = {64, 128, WIDEST};
    private static final int SPARE = 8; // elements of a row in shared memory, in attention_tiles.cuh
    private static final int FULL_ROWS = 32;

    static void checkWidth(int width) {
        if (width > WIDEST) {
            throw new IllegalArgumentException(
                    "Attention on CUDA takes heads of up to %d elements, not %d.".formatted(WIDEST, width));
        }
    }

    static AttentionTiles forward(boolean half, int width) {
        if (!half) {
            return full("attentionFull", width, 3, 0);
        }
        int w = roundedUp(width, HALF_WIDTHS);
        return half("attentionHalf", w, w == WIDEST ? 64 : 128, 1, w <= 80 ? 64 : 32, 1, 0);
    }

    static AttentionTiles ofQueries(boolean half, int width) {
        if (!half) {
            return full("attentionFullQueries", width, 4, 0);
        }
        int w = roundedUp(width, HALF_WIDTHS);
        return half("attentionHalfQueries", w, 64, 2, w == WIDEST ? 32 : 64, 1, 0);
    }

    static AttentionTiles ofKeys(boolean half, int width) {
        if (!half) {
            return full("attentionFullKeys", width, 4, 2);
        }
        int w = roundedUp(width, HALF_WIDTHS);
        return half("attentionHalfKeys", w, 64, 2, w >= 128 ? 32 : 64, w == WIDEST ? 2 : 1, 2);
    }

    /** {@code tiles} of a block's rows; two of the other side in each of two stages, with {@code numbers} for each row. */
    private static AttentionTiles half(String kernel, int w, int rows, int tiles, int others, int passes, int numbers) {
        int elements = (rows * tiles + 4 * others) * (w + SPARE);
        return new AttentionTiles(
                kernel + w, rows, passes, elements * Short.BYTES + 2 * numbers * others * Float.BYTES);
    }

    /** Tiles of 32 rows, one of 32 x 36 factors, and so many numbers for each row. */
    private static AttentionTiles full(String kernel, int width, int tiles, int numbers) {
        int stride = Math.ceilDiv(width, 4) * 4 + 4;
        int elements = FULL_ROWS * (tiles * stride + FULL_ROWS + 4 + numbers);
        return new AttentionTiles(kernel + roundedUp(width, FULL_WIDTHS), FULL_ROWS, 1, elements * Float.BYTES);
    }

    private static int roundedUp(int width, int[] widths) {
        int i = 0;
        while (widths[i] < width) {
            i++;
        }
        return widths[i];
    }

    /** Runs over all rows: a sequence may need one block more than its rows fill. */
    void run(Launch launch, int allRows, int sequences, int heads) {
        launch.shared(bytes).run(allRows / rows + sequences, heads, passes, THREADS);
    }
}
