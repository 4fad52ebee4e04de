package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.generate.Assistant;
import dev.lowrank.engine.generate.Sampling;
import dev.lowrank.kernels.Kernels;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

/** {@code generate}: text from a base, or from a base with adapters. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = "Answers prompts with a base, or a base and adapters; without --prompt, reads one a line.")
final class GenerateCommand implements Callable<Integer> {
    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--prompt", paramLabel = "TEXT", description = "What to answer; may be repeated.")
    private List<String> prompts = new ArrayList<>();

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before every prompt.")
    private @Nullable String system;

    @Option(names = "--raw", description = "Continue the text as it is, without the chat template.")
    private boolean raw;

    @Option(
            names = {"--tokens", "--max-tokens"},
            paramLabel = "N",
            description = "Most tokens of an answer (256).")
    private int tokens = 256;

    @Option(names = "--temperature", paramLabel = "T", description = "0 for the most likely token (default).")
    private double temperature;

    @Option(names = "--top-k", paramLabel = "K", description = "Draw from the K most likely tokens only.")
    private int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Draw from the most likely tokens of total probability P.")
    private double topP = 1;

    @Option(names = "--seed", paramLabel = "N", description = "Of the draw; the same seed gives the same text.")
    private long seed;

    @Option(names = "--json", description = "Print each answer as a line of JSON.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Sampling sampling = new Sampling(temperature, topK, topP, seed);
        try (Kernels kernels = options.kernels();
                Assistant assistant = Assistant.open(options.model(), kernels)) {
            for (String prompt : prompts.isEmpty() ? linesOfInput() : prompts) {
                answer(assistant, prompt, sampling);
            }
        }
        return 0;
    }

    private void answer(Assistant assistant, String prompt, Sampling sampling) {
        if (options.adapters().isEmpty()) {
            print(null, prompt, text(assistant, prompt, sampling));
        }
        for (Path adapter : options.adapters()) {
            assistant.use(adapter);
            print(adapter, prompt, text(assistant, prompt, sampling));
        }
    }

    private String text(Assistant assistant, String prompt, Sampling sampling) {
        if (raw || !assistant.hasChatTemplate()) {
            return assistant.complete(prompt, sampling, tokens);
        }
        List<Map<String, Object>> messages = new ArrayList<>();
        if (system != null) {
            messages.add(Map.of("role", "system", "content", system));
        }
        messages.add(Map.of("role", "user", "content", prompt));
        return assistant.answer(messages, sampling, tokens);
    }

    private void print(@Nullable Path adapter, String prompt, String answer) {
        if (json) {
            var line = JsonNodeFactory.instance.objectNode();
            line.put("prompt", prompt).put("answer", answer);
            line.put("adapter", adapter == null ? null : adapter.toString());
            System.out.println(JsonMapper.shared().writeValueAsString(line));
        } else if (options.adapters().size() > 1) {
            System.out.println("[%s]%n%s".formatted(adapter, answer));
        } else {
            System.out.println(answer);
        }
    }

    private static List<String> linesOfInput() throws IOException {
        List<String> lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
                .lines()
                .filter(line -> !line.isBlank())
                .toList();
        if (lines.isEmpty()) {
            throw new InputException(
                    "There is nothing to answer: give --prompt TEXT, or a prompt a line on the input.");
        }
        return lines;
    }
}
