package dev.lowrank.platform.jobs;

import dev.lowrank.platform.web.ApiException;
import org.jspecify.annotations.Nullable;

/** A step's rows as micro-batches that go through the model one after the other; the product is the batch. */
record BatchSplit(int micro, int accumulation, String reason) {
    private static final int LARGEST_MICRO = 8;
    private static final int LARGEST_AUTO = 8;

    /**
     * Keeps what was given and chooses the rest.
     *
     * @param batch what the client asked for, or null for "auto"
     * @param examples rows of the training file
     * @throws ApiException if the batch cannot be split into what was given
     */
    static BatchSplit of(
            @Nullable Integer batch, @Nullable Integer micro, @Nullable Integer accumulation, int examples) {
        int rows = batch != null ? batch : Math.clamp(examples / 100, 1, LARGEST_AUTO);
        if (micro != null && accumulation != null) {
            return new BatchSplit(micro, accumulation, "given");
        }
        if (micro != null) {
            return new BatchSplit(micro, other(batch, rows, micro, "micro_batch_size"), reason(batch, rows));
        }
        if (accumulation != null) {
            return new BatchSplit(
                    other(batch, rows, accumulation, "gradient_accumulation"), accumulation, reason(batch, rows));
        }
        int largest = Math.min(rows, LARGEST_MICRO);
        while (rows % largest != 0) {
            largest--;
        }
        return new BatchSplit(largest, rows / largest, reason(batch, rows));
    }

    private static int other(@Nullable Integer batch, int rows, int given, String field) {
        if (batch != null && (given < 1 || rows % given != 0)) {
            throw ApiException.badRequest(
                    "\"batch_size\" is %d, which \"lowrank.training.%s\" (%d) does not divide; leave one of them out."
                            .formatted(batch, field, given),
                    "method.supervised.hyperparameters.batch_size",
                    "invalid_value");
        }
        return Math.max(1, rows / Math.max(1, given));
    }

    private static String reason(@Nullable Integer batch, int rows) {
        return batch != null
                ? "splits the batch of %d rows".formatted(rows)
                : "a batch of about a hundredth of the rows, between 1 and %d".formatted(LARGEST_AUTO);
    }
}
