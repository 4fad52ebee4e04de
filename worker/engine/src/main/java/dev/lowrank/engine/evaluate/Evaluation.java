package dev.lowrank.engine.evaluate;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model judged on rows.
 *
 * @param loss mean over the trained tokens, in nats; perplexity is its exponential
 * @param tokenAccuracy share of trained tokens that were the most likely one
 * @param exactMatch share of answers equal to the expected one; null where rows have no answers (text, token ids)
 * @param samples the first answers, for people to look at
 */
public record Evaluation(
        int rows,
        long trainedTokens,
        double loss,
        double perplexity,
        double tokenAccuracy,
        @Nullable Double exactMatch,
        List<Sample> samples) {
    /** One row: what was asked, what should have come, what came. */
    public record Sample(String prompt, String expected, String answer) {}
}
