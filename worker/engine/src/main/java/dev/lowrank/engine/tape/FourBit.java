package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Nf4;

/** A frozen NF4 weight [rows, columns]; numbers only for the product that is being computed. */
public record FourBit(String name, Nf4 data) implements Matrix {
    @Override
    public int rows() {
        return data.rows();
    }

    @Override
    public int columns() {
        return data.columns();
    }
}
