package dev.lowrank.kernels;

/** A matrix [rows, columns] that nobody trains, held as a device multiplies with it or in 4 bits. */
public sealed interface FrozenMatrix permits Packed, Nf4 {
    /** Extent of the first axis. */
    int rows();

    /** Extent of the second. */
    int columns();
}
