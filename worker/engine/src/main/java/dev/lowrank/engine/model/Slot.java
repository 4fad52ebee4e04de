package dev.lowrank.engine.model;

import dev.lowrank.engine.tape.Matrix;
import dev.lowrank.engine.tape.Parameter;
import org.jspecify.annotations.Nullable;

/** A place in the model that holds a weight. An adapter may put a trained one there, and take it away again. */
public final class Slot {
    private final Matrix base;
    private @Nullable Parameter replacement;

    Slot(Matrix base) {
        this.base = base;
    }

    /** What the base model has here. */
    public Matrix base() {
        return base;
    }

    /** Puts a weight in place of the base's; null puts the base's back. */
    public void replace(@Nullable Parameter parameter) {
        replacement = parameter;
    }

    /** What counts at present. */
    Matrix matrix() {
        return replacement == null ? base : replacement;
    }

    /** What counts at present, where it cannot be of 4 bits. */
    Parameter parameter() {
        return (Parameter) matrix();
    }
}
