package dev.lowrank.engine.train;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code metrics.jsonl}: a line for each optimizer step, {@code step} counted from 0, with what an evaluation after it
 * measured.
 */
final class MetricsLog implements AutoCloseable {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final BufferedWriter writer;

    /** Opens the log, keeping the lines of the {@code completed} first steps and dropping what came after them. */
    MetricsLog(Path file, int completed) throws IOException {
        List<String> kept = Files.exists(file)
                ? Files.readAllLines(file).stream().limit(completed).toList()
                : List.of();
        writer = Files.newBufferedWriter(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
        for (String line : kept) {
            writer.write(line);
            writer.newLine();
        }
        writer.flush();
    }

    void write(StepMetrics metrics, @Nullable Validation validation) {
        ObjectNode line = JsonNodeFactory.instance.objectNode();
        line.put("step", metrics.step() - 1);
        if (metrics.skipped() != null) {
            line.put("skipped", metrics.skipped());
        } else {
            putFigures(line, metrics);
        }
        if (validation != null) {
            line.put("validation_loss", validation.loss());
            line.put("validation_token_accuracy", validation.tokenAccuracy());
            if (validation.margin() != null) {
                line.put("validation_margin", validation.margin());
            }
        }
        try {
            writer.write(MAPPER.writeValueAsString(line));
            writer.newLine();
            writer.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write metrics.jsonl; is the disk full?", e);
        }
    }

    private static void putFigures(ObjectNode line, StepMetrics metrics) {
        line.put("loss", metrics.loss());
        line.put("grad_norm", metrics.gradNorm());
        line.put("learning_rate", metrics.learningRate());
        line.put("trained_tokens", metrics.trainedTokens());
        line.put("tokens_per_second", metrics.tokensPerSecond());
        line.put("token_accuracy", metrics.tokenAccuracy());
        if (metrics.margin() != null) {
            line.put("margin", metrics.margin());
        }
    }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
