package dev.lowrank.engine.compare;

import dev.lowrank.engine.evaluate.Bleu;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How good a variant is on the test rows.
 *
 * @param identity digest of everything it depends on
 * @param tokens of the test rows that carry loss
 * @param loss their mean, in nats
 * @param bleu null if nothing was asked
 * @param answers all that was answered, in the order of asking
 */
record Judged(
        String identity,
        int rows,
        long tokens,
        double loss,
        double perplexity,
        @Nullable Bleu bleu,
        List<Answer> answers) {
    /** What was asked, the first reference, and what came. */
    record Answer(String prompt, String reference, String answer) {}

    Judged {
        answers = List.copyOf(answers);
    }
}
