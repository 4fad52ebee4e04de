package dev.lowrank.node;

import dev.lowrank.db.queue.Metric;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The result file: one line a step, an empty cell where nothing was measured. */
final class StepCsv {
    private static final String HEADER = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n";

    private StepCsv() {}

    static String write(List<Metric> steps) {
        StringBuilder csv = new StringBuilder(HEADER);
        for (Metric step : steps) {
            csv.append(step.step());
            cell(csv, step.loss());
            cell(csv, step.tokenAccuracy());
            cell(csv, step.validLoss());
            cell(csv, step.validTokenAccuracy());
            csv.append('\n');
        }
        return csv.toString();
    }

    private static void cell(StringBuilder csv, @Nullable Double value) {
        csv.append(',');
        if (value != null) {
            csv.append(value);
        }
    }
}
