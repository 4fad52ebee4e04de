package dev.lowrank.engine.spec;

/** How a base is fine-tuned. */
public enum Method implements Named {
    /** A low-rank adapter on a frozen base. */
    LORA("lora"),
    /** Every weight of the base, the baseline that adapters are compared with. */
    FULL("full");

    private final String key;

    Method(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
