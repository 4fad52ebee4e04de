package dev.lowrank.engine.spec;

/** The optimizer, by how it keeps its state. */
public enum OptimizerKind implements Named {
    /** AdamW with both moments in fp32. */
    ADAMW("adamw"),
    /** AdamW with both moments in 8 bits, block by block, as bitsandbytes lays them out. */
    ADAMW_8BIT("adamw8bit");

    private final String key;

    OptimizerKind(String key) {
        this.key = key;
    }

    @Override
    public String key() {
        return key;
    }
}
