package dev.lowrank.engine.spec;

/** The function between a bottleneck adapter's two projections. */
public enum Activation implements Named {
    /** {@code max(x, 0)}. */
    RELU("relu"),
    /** {@code x / 2 * (1 + erf(x / sqrt(2)))}. */
    GELU("gelu"),
    /** {@code x / (1 + exp(-x))}. */
    SILU("silu"),
    /** {@code tanh(x)}. */
    TANH("tanh");

    private final String key;

    Activation(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
