package dev.lowrank.engine.spec;

/** Which biases of the base are trained beside a LoRA adapter. */
public enum BiasMode implements Named {
    /** None. */
    NONE("none"),
    /** Every bias of the base. */
    ALL("all"),
    /** Those of the adapted layers. */
    LORA_ONLY("lora_only");

    private final String key;

    BiasMode(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
