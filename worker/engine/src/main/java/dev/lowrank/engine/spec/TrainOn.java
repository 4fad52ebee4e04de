package dev.lowrank.engine.spec;

/** Which tokens of a row carry loss. */
public enum TrainOn implements Named {
    /** What the assistant says (chat) or the completion. */
    ASSISTANT("assistant"),
    /** Every token. */
    ALL("all");

    private final String key;

    TrainOn(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
