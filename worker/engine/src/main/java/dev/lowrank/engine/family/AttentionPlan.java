package dev.lowrank.engine.family;

/**
 * The attention of every block.
 *
 * @param heads H, query heads
 * @param kvHeads G, key-value heads; H is a multiple of it
 * @param headWidth D
 * @param softCap scores become {@code cap * tanh(scores / cap)}; 0 for no cap
 * @param inputBias the query, key and value projections have a bias
 * @param outputBias the output projection has one
 */
public record AttentionPlan(
        int heads,
        int kvHeads,
        int headWidth,
        float softCap,
        QueryKeyNorm queryKeyNorm,
        boolean inputBias,
        boolean outputBias) {
    /** How queries and keys are normalised before they are rotated. */
    public enum QueryKeyNorm {
        NONE,
        /** Each head by itself, with one weight [D] for all. */
        HEAD,
        /** All heads together, with a weight as wide as the projection. */
        WHOLE
    }
}
