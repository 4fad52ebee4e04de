package dev.lowrank.engine.tape;

/** What a linear layer multiplies with: a dense weight, or a frozen one of 16 or 4 bits. */
public sealed interface Matrix permits Parameter, Frozen, FourBit {
    /** Its name in a Hugging Face file. */
    String name();

    /** Extent of the first axis. */
    int rows();

    /** Extent of the second. */
    int columns();

    /** Its axes as they are stored. */
    default long[] shape() {
        return new long[] {rows(), columns()};
    }
}
