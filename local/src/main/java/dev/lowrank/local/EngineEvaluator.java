package dev.lowrank.local;

import dev.lowrank.local.demo.Evaluation;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Scores a base, or a base with an adapter, by the engine's own command in a process of its own. */
record EngineEvaluator(Installation installation, Path model, Path data, int rows, int shown) {
    /** @param adapter a PEFT folder, or null for the base alone */
    Evaluation evaluate(@Nullable Path adapter) throws IOException, InterruptedException {
        Process process = program(adapter).start();
        String result = "";
        List<String> said = new ArrayList<>();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                result = line.startsWith("{") ? line : result;
                said.add(line);
            }
        }
        if (process.waitFor() != 0 || result.isEmpty()) {
            throw new Problem("The evaluation of %s failed: %s"
                    .formatted(
                            adapter == null ? model : adapter, said.isEmpty() ? "it said nothing." : said.getLast()));
        }
        return Evaluation.parse(result);
    }

    private JavaProgram program(@Nullable Path adapter) {
        List<String> arguments = new ArrayList<>(List.of("evaluate", "--model", model.toString()));
        if (adapter != null) {
            arguments.addAll(List.of("--adapter", adapter.toString()));
        }
        arguments.addAll(List.of(
                "--data",
                data.toString(),
                "--limit",
                Integer.toString(rows),
                "--show",
                Integer.toString(shown),
                "--json"));
        return new JavaProgram(
                "evaluate",
                installation,
                Module.ENGINE,
                "dev.lowrank.engine.cli.Lowrank",
                List.of("-XX:+UseSerialGC"),
                arguments,
                Map.of());
    }
}
