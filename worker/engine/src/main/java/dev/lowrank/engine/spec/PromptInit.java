package dev.lowrank.engine.spec;

/** How the virtual tokens of prompt tuning start. */
public enum PromptInit implements Named {
    /** At random. */
    RANDOM("random"),
    /** As the embeddings of a text, repeated or cut to the number of tokens. */
    TEXT("text");

    private final String key;

    PromptInit(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
