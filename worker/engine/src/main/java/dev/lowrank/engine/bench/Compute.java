package dev.lowrank.engine.bench;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.Named;
import dev.lowrank.kernels.DType;

/** The number format that products are computed in: the one place that knows which of them this build has. */
public enum Compute implements Named {
    FLOAT32("float32", DType.F32),
    BFLOAT16("bfloat16", DType.BF16);

    private final String key;
    private final DType dtype;

    Compute(String key, DType dtype) {
        this.key = key;
        this.dtype = dtype;
    }

    @Override
    public String key() {
        return key;
    }

    /** The operands of its products. */
    DType dtype() {
        return dtype;
    }

    /** What {@code --dtype} says. */
    public static Compute of(String word) {
        return switch (word) {
            case "auto", "float32" -> FLOAT32;
            case "bfloat16" ->
                throw new InputException("--dtype is \"bfloat16\", which is not available in this build; say float32.");
            default ->
                throw new InputException(
                        "--dtype is \"%s\", but must be one of: auto, float32, bfloat16.".formatted(word));
        };
    }
}
