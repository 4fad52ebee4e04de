package dev.lowrank.engine.spec;

/**
 * When a run ends before its time.
 *
 * @param patience evaluations in a row that may pass without a better validation loss
 * @param minDelta by how much the loss must fall, in nats a token, to count as better
 */
public record EarlyStopping(int patience, double minDelta) {
    public EarlyStopping {
        SpecException.unless(
                patience >= 1 && patience <= 1_000_000,
                "training.early_stopping.patience",
                "is %s, but must be at least 1.",
                patience);
        SpecException.unless(
                minDelta >= 0 && minDelta < 1e6,
                "training.early_stopping.min_delta",
                "is %s, but must not be negative.",
                minDelta);
    }
}
