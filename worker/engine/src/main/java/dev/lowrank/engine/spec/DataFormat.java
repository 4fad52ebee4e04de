package dev.lowrank.engine.spec;

/** What the rows of a dataset look like. */
public enum DataFormat implements Named {
    /** Found from the first row. */
    AUTO("auto"),
    /** {@code {"messages": [{"role", "content", "weight"?}, …]}}. */
    CHAT("chat"),
    /** {@code {"conversations": [{"from", "value"}, …]}}, ShareGPT's form of chat. */
    SHAREGPT("sharegpt"),
    /** {@code {"instruction", "input"?, "output"}}. */
    ALPACA("alpaca"),
    /** {@code {"prompt", "completion"}}. */
    COMPLETION("completion"),
    /** {@code {"text"}}: every token is trained on. */
    TEXT("text"),
    /** {@code {"input_ids", "labels"}}, used as they are. */
    TOKENIZED("tokenized"),
    /** Pairs of a better and a worse answer, for preference tuning. */
    PREFERENCE("preference");

    private final String key;

    DataFormat(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
