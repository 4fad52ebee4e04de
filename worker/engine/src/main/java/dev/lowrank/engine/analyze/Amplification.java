package dev.lowrank.engine.analyze;

import dev.lowrank.engine.CounterRandom;
import org.jspecify.annotations.Nullable;

/**
 * How an update compares with the weight it is added to: U and V are n orthonormal output and input directions, n being
 * the update's rank, and each figure is {@code ||U' W V||_F}.
 *
 * @param weight {@code ||W||_F}
 * @param inUpdate for the update's own singular vectors: what W already does where the update acts
 * @param inOwn for W's first n singular vectors: the most that n directions of W can do
 * @param inRandom for random directions
 * @param factor {@code ||dW||_F / inUpdate}: by how much the update amplifies what it finds; null if it finds nothing
 */
record Amplification(
        double weight,
        double inUpdate,
        double inOwn,
        double inRandom,
        @Nullable Double factor) {
    /** Compares; null for an update that adds nothing. */
    static @Nullable Amplification of(LowRankUpdate update, BaseWeight weight, long key) {
        int n = update.singularValues().length;
        if (n == 0) {
            return null;
        }
        double inUpdate = weight.normBetween(update.left(), update.right());
        double inRandom = weight.normBetween(
                Subspaces.random(weight.out(), n, CounterRandom.key(key, 1)),
                Subspaces.random(weight.in(), n, CounterRandom.key(key, 2)));
        return new Amplification(
                weight.norm(),
                inUpdate,
                weight.largest(n, CounterRandom.key(key, 3)),
                inRandom,
                inUpdate == 0 ? null : update.norm() / inUpdate);
    }
}
