package dev.lowrank.engine.spec;

/** Which state of a run becomes its result. */
public enum Keep implements Named {
    /** The last. */
    LAST("last"),
    /** The one with the lowest validation loss; the last is kept beside it. */
    BEST_AND_LAST("best-and-last");

    private final String key;

    Keep(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
