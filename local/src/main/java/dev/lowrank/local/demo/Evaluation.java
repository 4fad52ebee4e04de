package dev.lowrank.local.demo;

import java.util.List;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What the engine's {@code evaluate} found on held-out rows.
 *
 * @param exactMatch share of answers equal to the expected ones, from 0 to 1
 */
public record Evaluation(double loss, double exactMatch, int rows, List<Sample> samples) {
    /** One held-out prompt with the right answer and the model's. */
    public record Sample(String prompt, String expected, String answer) {
        boolean isRight() {
            return expected.strip().equals(answer.strip());
        }
    }

    public Evaluation {
        samples = List.copyOf(samples);
    }

    /** @param line the JSON that {@code evaluate --json} prints */
    public static Evaluation parse(String line) {
        JsonNode json = JsonMapper.shared().readTree(line);
        return new Evaluation(
                json.required("loss").asDouble(),
                json.required("exact_match").asDouble(),
                json.required("rows").asInt(),
                StreamSupport.stream(json.path("samples").spliterator(), false)
                        .map(sample -> new Sample(
                                sample.path("prompt").asString(""),
                                sample.path("expected").asString(""),
                                sample.path("answer").asString("")))
                        .toList());
    }
}
