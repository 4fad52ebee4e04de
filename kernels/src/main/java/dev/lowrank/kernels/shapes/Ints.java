package dev.lowrank.kernels.shapes;

/** How a device reads an I32 tensor that is to be checked value by value: not before its type and size are found right. */
@FunctionalInterface
public interface Ints {
    /** The element {@code i}. */
    int at(long i);
}
