package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.EarlyStopping;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What the evaluations of a run have shown so far. It is part of every checkpoint, so that a resumed run keeps the same
 * best state and stops at the same step.
 *
 * @param last newest validation loss; null before the first evaluation, as are the next two
 * @param best lowest validation loss
 * @param bestStep optimizer steps completed at the lowest, the first of equals
 * @param mark the loss that must be undercut by more than {@code min_delta} for the patience to begin anew
 * @param stale evaluations since then
 */
record EvaluationState(
        @Nullable Double last,
        @Nullable Double best,
        int bestStep,
        @Nullable Double mark,
        int stale) {
    static final EvaluationState NONE = new EvaluationState(null, null, 0, null, 0);

    EvaluationState after(int step, double loss, @Nullable EarlyStopping stopping) {
        double least = stopping == null ? 0 : stopping.minDelta();
        boolean lower = best == null || loss < best;
        boolean better = mark == null || loss < mark - least;
        return new EvaluationState(
                loss,
                lower ? (Double) loss : best,
                lower ? step : bestStep,
                better ? (Double) loss : mark,
                better ? 0 : stale + 1);
    }

    boolean bestAt(int step) {
        return best != null && bestStep == step;
    }

    boolean exhausted(@Nullable EarlyStopping stopping) {
        return stopping != null && stale >= stopping.patience();
    }

    /** One sentence on why the run ended before its time. */
    String reason(int step, int total, EarlyStopping stopping) {
        return String.format(
                Locale.ROOT,
                "Stopped early after step %d of %d: no validation loss lower than %.4f%s in %d evaluations (the best was %.4f, at step %d).",
                step,
                total,
                mark,
                stopping.minDelta() == 0 ? "" : " by more than " + stopping.minDelta(),
                stale,
                best,
                bestStep);
    }

    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (best != null) {
            json.put("last", last).put("best", best).put("best_step", bestStep);
            json.put("mark", mark).put("stale", stale);
        }
        return json;
    }

    static EvaluationState of(JsonNode json) {
        return json.has("best")
                ? new EvaluationState(
                        json.get("last").asDouble(),
                        json.get("best").asDouble(),
                        json.get("best_step").asInt(),
                        json.get("mark").asDouble(),
                        json.get("stale").asInt())
                : NONE;
    }
}
