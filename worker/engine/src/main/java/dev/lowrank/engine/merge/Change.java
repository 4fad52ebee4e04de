package dev.lowrank.engine.merge;

import dev.lowrank.engine.format.PeftKey;

/** What an adapter makes of one tensor of its base. */
sealed interface Change {
    /** A trained tensor takes its place. */
    record Replaced(PeftKey by) implements Change {}

    /**
     * {@code W + scale B A}; with DoRA each of its rows, of [out, in], is then given a trained length.
     *
     * @param transposed W lies as [in, out]
     */
    record Updated(String module, double scale, boolean dora, boolean transposed) implements Change {}

    /**
     * IA3: each row, or each column, of [out, in] is multiplied by a factor of its own; or each element of a bias.
     *
     * @param columns the factors belong to the columns of the tensor as it lies
     */
    record Rescaled(PeftKey by, boolean columns) implements Change {}
}
