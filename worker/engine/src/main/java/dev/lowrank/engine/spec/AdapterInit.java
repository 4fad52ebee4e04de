package dev.lowrank.engine.spec;

/** How a new adapter's A starts; B always starts at zero. */
public enum AdapterInit implements Named {
    /** Uniform in +-1/sqrt(in), what PEFT does by default. */
    KAIMING("kaiming"),
    /** Normal with standard deviation 1/rank. */
    GAUSSIAN("gaussian");

    private final String key;

    AdapterInit(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
