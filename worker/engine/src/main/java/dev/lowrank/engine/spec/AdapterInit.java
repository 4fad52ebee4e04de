package dev.lowrank.engine.spec;

/** How a new LoRA adapter's A and B start. */
public enum AdapterInit implements Named {
    /** A uniform in +-1/sqrt(in), what PEFT does by default; B zero. */
    KAIMING("kaiming"),
    /** A normal with standard deviation 1/rank; B zero. */
    GAUSSIAN("gaussian"),
    /** The largest singular triples of the weight, which are taken out of the base. */
    PISSA("pissa"),
    /** The first columns of the weight's QR decomposition, which are taken out of the base. */
    OLORA("olora");

    private final String key;

    AdapterInit(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }

    /** Whether the base's weights change too, so that the adapter must be converted when it is exported. */
    public boolean movesBase() {
        return this == PISSA || this == OLORA;
    }
}
