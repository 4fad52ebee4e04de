package dev.lowrank.engine.spec;

/** Which activations are computed again in the backward pass instead of being kept. */
public enum GradientCheckpointing implements Named {
    /** Decided by the memory plan. */
    AUTO("auto"),
    /** None: the fastest. */
    NONE("none"),
    /** All but each layer's input. */
    LAYER("layer");

    private final String key;

    GradientCheckpointing(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
