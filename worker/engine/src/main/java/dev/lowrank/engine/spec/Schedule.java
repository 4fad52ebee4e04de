package dev.lowrank.engine.spec;

/**
 * Learning rate of optimizer step {@code s} (from 0) of {@code n}, after {@code w} warm-up steps in which it is
 * {@code peak * (s + 1) / w}.
 */
public enum Schedule implements Named {
    /** {@code peak}. */
    CONSTANT("constant"),
    /** {@code peak * (1 - (s - w) / (n - w))}. */
    LINEAR("linear"),
    /** {@code peak / 2 * (1 + cos(pi * (s - w) / (n - w)))}. */
    COSINE("cosine");

    private final String key;

    Schedule(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }

    /** Learning rate of step {@code step}, counted from 0, of {@code steps}. */
    public double rate(double peak, int step, int steps, int warmup) {
        if (step < warmup) {
            return peak * (step + 1) / warmup;
        }
        double done = (step - warmup) / (double) Math.max(1, steps - warmup);
        return switch (this) {
            case CONSTANT -> peak;
            case LINEAR -> peak * (1 - done);
            case COSINE -> peak * 0.5 * (1 + Math.cos(Math.PI * done));
        };
    }
}
