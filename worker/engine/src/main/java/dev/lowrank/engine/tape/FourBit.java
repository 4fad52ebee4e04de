package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Nf4;

/** A frozen NF4 weight [rows, columns]; dequantized for each product into memory that is given back at once. */
public record FourBit(String name, Nf4 data) implements Matrix {
    @Override
    public int rows() {
        return Math.toIntExact(data.rows());
    }

    @Override
    public int columns() {
        return Math.toIntExact(data.columns());
    }
}
