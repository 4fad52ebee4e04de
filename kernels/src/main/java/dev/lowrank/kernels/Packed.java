package dev.lowrank.kernels;

/**
 * A frozen matrix of BF16 elements in the layouts that a device multiplies with fastest, made once by {@link Kernels#pack}.
 * What the bytes mean is the device's own affair.
 *
 * @param chunk so many rows lie together in {@code backward}: all of them, or a part of a table's
 * @param forward for products with the transpose, as a linear layer's forward pass has them
 * @param backward for products with the matrix itself
 */
public record Packed(int rows, int columns, int chunk, Tensor forward, Tensor backward) implements FrozenMatrix {
    /** Bytes that it takes. */
    public long bytes() {
        return forward.data().byteSize() + backward.data().byteSize();
    }
}
