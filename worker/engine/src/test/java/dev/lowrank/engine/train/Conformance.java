package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Compares a run of ours with what the reference recorded. */
final class Conformance {
    private static final Percentage LOSS = Percentage.withPercentage(0.01);
    private static final Percentage NEAR = Percentage.withPercentage(2);
    private static final Percentage NORM = Percentage.withPercentage(0.1);

    private Conformance() {}

    /** Every line of {@code metrics.jsonl} agrees with the reference's trace. */
    static void assertTraceAgrees(Path metrics, JsonNode trace, String rateField) throws IOException {
        List<String> lines = Files.readAllLines(metrics);
        assertThat(lines).hasSize(trace.size());
        for (int s = 0; s < trace.size(); s++) {
            JsonNode ours = JsonMapper.shared().readTree(lines.get(s));
            JsonNode reference = trace.get(s);
            String step = "step " + s;
            assertThat(ours.get("step").asInt())
                    .as(step)
                    .isEqualTo(reference.get("step").asInt());
            assertThat(ours.get("trained_tokens").asLong())
                    .as(step)
                    .isEqualTo(reference.get("trained_tokens").asLong());
            assertThat(ours.get("learning_rate").asDouble())
                    .as(step)
                    .isCloseTo(reference.get(rateField).asDouble(), Percentage.withPercentage(1e-9));
            assertThat(ours.get("loss").asDouble())
                    .as(step)
                    .isCloseTo(reference.get("loss").asDouble(), LOSS);
            assertThat(ours.get("grad_norm").asDouble())
                    .as(step)
                    .isCloseTo(reference.get("grad_norm").asDouble(), NORM);
        }
    }

    /** Every loss of {@code metrics.jsonl} is within two hundredths of the trace's. */
    static void assertLossesAreNear(Path metrics, JsonNode trace) throws IOException {
        List<String> lines = Files.readAllLines(metrics);
        assertThat(lines).hasSize(trace.size());
        for (int s = 0; s < trace.size(); s++) {
            JsonNode ours = JsonMapper.shared().readTree(lines.get(s));
            assertThat(ours.get("loss").asDouble())
                    .as("step " + s)
                    .isCloseTo(trace.get(s).get("loss").asDouble(), NEAR);
        }
    }

    /** The same for preference tuning, whose trace has margins and no counts of tokens. */
    static void assertPreferencesAgree(Path metrics, JsonNode trace) throws IOException {
        List<String> lines = Files.readAllLines(metrics);
        assertThat(lines).hasSize(trace.size());
        for (int s = 0; s < trace.size(); s++) {
            JsonNode ours = JsonMapper.shared().readTree(lines.get(s));
            JsonNode reference = trace.get(s);
            assertThat(ours.get("loss").asDouble())
                    .as("step " + s)
                    .isCloseTo(reference.get("loss").asDouble(), LOSS);
            assertThat(ours.get("grad_norm").asDouble())
                    .as("step " + s)
                    .isCloseTo(reference.get("grad_norm").asDouble(), NORM);
            assertThat(ours.get("margin").asDouble())
                    .as("step " + s)
                    .isCloseTo(reference.get("margin").asDouble(), Offset.offset(1e-3));
        }
    }

    /** Norm of the difference over norm, over all tensors together. */
    static void assertAdaptersAgree(Path ours, Path reference, double most) {
        try (PeftFolder a = PeftFolder.open(ours);
                PeftFolder b = PeftFolder.open(reference)) {
            assertThat(a.keys()).isEqualTo(b.keys());
            double difference = 0;
            double norm = 0;
            for (PeftKey key : a.keys()) {
                float[] x = a.floats(key);
                float[] y = b.floats(key);
                for (int i = 0; i < x.length; i++) {
                    difference += Math.pow((double) x[i] - y[i], 2);
                    norm += Math.pow(y[i], 2);
                }
            }
            assertThat(Math.sqrt(difference / norm)).isLessThan(most);
        }
    }

    /** Largest absolute difference of the first {@code count} values. */
    static double largestDifference(float[] a, float[] b, int count) {
        double largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs((double) a[i] - b[i]));
        }
        return largest;
    }

    static List<Double> losses(Path metrics) throws IOException {
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(metrics)) {
            losses.add(JsonMapper.shared().readTree(line).get("loss").asDouble());
        }
        return losses;
    }
}
