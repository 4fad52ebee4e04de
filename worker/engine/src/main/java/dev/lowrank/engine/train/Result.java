package dev.lowrank.engine.train;

import dev.lowrank.engine.format.Durable;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Which state of a run was written as its result. */
public final class Result {
    /** The sub-folder that holds the last state where the result is the best one. */
    static final String LAST = "last";

    private final int completed;
    private final int total;
    private final EvaluationState evaluations;
    private final boolean best;
    private final @Nullable String whyStoppedEarly;

    Result(int completed, int total, EvaluationState evaluations, boolean best, @Nullable String whyStoppedEarly) {
        this.completed = completed;
        this.total = total;
        this.evaluations = evaluations;
        this.best = best;
        this.whyStoppedEarly = whyStoppedEarly;
    }

    /** Optimizer steps that the result holds. */
    public int step() {
        return best ? evaluations.bestStep() : completed;
    }

    /** Optimizer steps that were done. */
    public int lastStep() {
        return completed;
    }

    /** Whether the result is the state of the lowest validation loss, with the last one in the sub-folder {@code last}. */
    public boolean best() {
        return best;
    }

    /** The result's validation loss; null where nothing was evaluated during the run. */
    public @Nullable Double validationLoss() {
        return best ? evaluations.best() : evaluations.last();
    }

    /** {@code training.json}, for people and scripts. */
    void write(Path folder) throws IOException {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("result", best ? "best" : LAST).put("step", step()).put("validation_loss", validationLoss());
        if (best) {
            json.putObject(LAST).put("folder", LAST).put("step", completed).put("validation_loss", evaluations.last());
        }
        json.put("steps", completed).put("planned_steps", total);
        if (whyStoppedEarly != null) {
            json.put("stopped_early", whyStoppedEarly);
        }
        Durable.write(
                folder.resolve("training.json"),
                JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
    }
}
