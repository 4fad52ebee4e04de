package dev.lowrank.engine.compare;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What is the same for every variant.
 *
 * @param references answers by prompt, or null to take those of the test rows
 * @param work folder that keeps what is done
 * @param rows most training rows, drawn by the seed; null for all
 * @param steps optimizer steps; null to let the epochs decide
 * @param batch rows of a step
 * @param maxLength tokens of a row
 * @param answers most prompts of the test rows that are answered, drawn by the seed; 0 for none
 */
public record ComparisonPlan(
        Path base,
        Path train,
        Path test,
        @Nullable Path references,
        Path work,
        @Nullable Integer rows,
        @Nullable Integer steps,
        int epochs,
        int batch,
        int maxLength,
        int seed,
        int answers,
        int threads) {
    public ComparisonPlan {
        require(rows == null || rows >= 1, "--rows", "must be at least 1");
        require(steps == null || steps >= 1, "--steps", "must be at least 1");
        require(epochs >= 1, "--epochs", "must be at least 1");
        require(batch >= 1, "--batch", "must be at least 1");
        require(answers >= 0, "--answers", "must not be negative");
        require(threads >= 1, "--threads", "must be at least 1");
    }

    private static void require(boolean holds, String option, String problem) {
        if (!holds) {
            throw new InputException("%s %s.".formatted(option, problem));
        }
    }
}
