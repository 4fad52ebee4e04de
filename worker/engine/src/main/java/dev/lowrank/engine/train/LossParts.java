package dev.lowrank.engine.train;

import dev.lowrank.kernels.LossSum;
import org.jspecify.annotations.Nullable;

/**
 * Sums over some rows, to be added up over micro-batches.
 *
 * @param loss not yet divided by the rows' weight
 * @param trained tokens that carried loss
 * @param correct those that were the most likely one
 * @param margin by how much preferred answers lead, summed over pairs; null where nothing is preferred
 * @param preferred pairs whose preferred answer leads
 */
record LossParts(
        double loss, long trained, long correct, @Nullable Double margin, long preferred) {
    static LossParts of(LossSum sum) {
        return new LossParts(sum.loss(), sum.tokens(), sum.correct(), null, 0);
    }

    LossParts plus(@Nullable LossParts before) {
        if (before == null) {
            return this;
        }
        Double margins = margin == null || before.margin == null ? null : (Double) (margin + before.margin);
        return new LossParts(
                before.loss + loss,
                before.trained + trained,
                before.correct + correct,
                margins,
                before.preferred + preferred);
    }
}
