package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Packed;

/** A frozen bf16 weight [rows, columns], laid out as the device multiplies with it. */
public record Frozen(String name, Packed data) implements Matrix {
    @Override
    public int rows() {
        return data.rows();
    }

    @Override
    public int columns() {
        return data.columns();
    }
}
