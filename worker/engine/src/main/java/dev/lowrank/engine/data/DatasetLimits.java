package dev.lowrank.engine.data;

/**
 * How far a reader of datasets goes.
 *
 * @param lineBytes most bytes of a line; no more than that of any line is ever held
 * @param problems most problems that are told apart; the others are only counted
 */
public record DatasetLimits(int lineBytes, int problems) {
    /** 16 MiB a line, 100 problems. */
    public static final DatasetLimits DEFAULT = new DatasetLimits(16 << 20, 100);

    public DatasetLimits {
        if (lineBytes < 1 || problems < 1) {
            throw new IllegalArgumentException("lineBytes %d, problems %d".formatted(lineBytes, problems));
        }
    }
}
