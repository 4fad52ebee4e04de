package dev.lowrank.engine.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Notices a run that blows up before its numbers stop being numbers: for {@value #PATIENCE} steps in a row the norm of
 * the gradient is above {@value #FACTOR} times its median and the loss above every loss before, and it has risen over
 * these steps. Each alone happens in sound runs; a single wild step is what clipping is for.
 */
final class GradientWatch {
    /** Calm steps whose norms the median is of. */
    static final int WINDOW = 100;
    /** Calm steps before anything is judged. */
    static final int FEWEST = 20;

    static final int FACTOR = 20;
    static final int PATIENCE = 5;

    private final double[] norms = new double[WINDOW];
    private long calm;
    private double highestLoss = Double.NEGATIVE_INFINITY;
    private int wild;
    private double firstWildLoss;

    /** Takes in the steps that an earlier process has done, as far as their log is still there. */
    void replay(Path metrics, int steps) throws IOException {
        if (!Files.exists(metrics)) {
            return;
        }
        try (Stream<String> lines = Files.lines(metrics)) {
            List<JsonNode> done =
                    lines.limit(steps).map(JsonMapper.shared()::readTree).toList();
            for (JsonNode step : done) {
                if (step.path("loss").isNumber() && step.path("grad_norm").isNumber()) {
                    isExploding(
                            step.get("loss").asDouble(), step.get("grad_norm").asDouble());
                }
            }
        }
    }

    /**
     * @param step counted from 1
     * @param norm before clipping
     * @throws TrainingFailure if the run blows up
     */
    void check(int step, double loss, double norm) {
        if (isExploding(loss, norm)) {
            throw new TrainingFailure(
                    "gradient_exploding",
                    String.format(
                            Locale.ROOT,
                            "The gradient explodes: for %d steps up to step %d its norm has been more than %d times the usual %.3g (now %.3g) while the loss rose to %.4f; lower \"training.learning_rate\" or give it \"training.warmup_steps\".",
                            PATIENCE,
                            step,
                            FACTOR,
                            median(),
                            norm,
                            loss));
        }
    }

    private boolean isExploding(double loss, double norm) {
        if (calm < FEWEST || norm <= FACTOR * median() || loss <= highestLoss) {
            norms[(int) (calm++ % WINDOW)] = norm;
            highestLoss = Math.max(highestLoss, loss);
            wild = 0;
            return false;
        }
        firstWildLoss = wild == 0 ? loss : firstWildLoss;
        wild++;
        return wild >= PATIENCE && loss > firstWildLoss;
    }

    private double median() {
        int count = (int) Math.min(calm, WINDOW);
        double[] sorted = Arrays.copyOf(norms, count);
        Arrays.sort(sorted);
        return sorted[count / 2];
    }
}
