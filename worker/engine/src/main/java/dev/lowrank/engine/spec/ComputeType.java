package dev.lowrank.engine.spec;

/** What activations, frozen weights and the factors of products are rounded to; sums are fp32 either way. */
public enum ComputeType implements Named {
    /** bf16 where the base is stored in 16 bits and the device multiplies bf16 by itself, else fp32. */
    AUTO("auto"),
    FLOAT32("float32"),
    BFLOAT16("bfloat16");

    private final String key;

    ComputeType(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
