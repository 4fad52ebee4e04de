package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.TensorInfo;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.Named;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Tokenizer;
import dev.lowrank.engine.train.Checkpoints;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/** {@code inspect PATH}: what a model, adapter, dataset or checkpoint holds, and what is wrong with it. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description =
                "Says what a model, adapter, dataset, checkpoint or safetensors file holds, and what is wrong with it.")
final class InspectCommand implements Callable<Integer> {
    @Parameters(paramLabel = "PATH", description = "A folder or file.")
    private Path path = Path.of("");

    @Option(
            names = {"--model", "--base"},
            paramLabel = "DIR",
            description = "Show a dataset's rows as this base sees them, or analyze an adapter against it.")
    private @Nullable Path model;

    @Option(
            names = "--format",
            paramLabel = "F",
            description = "Of a dataset: auto, chat, sharegpt, alpaca, completion, text, tokenized or preference.")
    private String format = "auto";

    @Option(
            names = "--train-on",
            paramLabel = "T",
            description = "Which tokens carry loss: assistant (default) or all.")
    private String trainOn = "assistant";

    @Option(names = "--max-length", paramLabel = "N", description = "Tokens of a row; the rest is cut off (1024).")
    private int maxLength = 1024;

    @Option(names = "--show", paramLabel = "K", description = "Rows of a dataset to show (3).")
    private int show = 3;

    @Option(names = "--from", paramLabel = "I", description = "The first row of a dataset to show, from 1 on (1).")
    private long from = 1;

    @Option(
            names = "--analyze",
            description = "Of an adapter: what it does to its base; --base compares the weights too.")
    private boolean analyze;

    @Option(
            names = "--against",
            paramLabel = "ADAPTER",
            description = "With --analyze: another adapter, to see which directions both use.")
    private @Nullable Path against;

    @Option(
            names = "--picture",
            paramLabel = "FILE",
            description = "With --analyze: also write the figures as an SVG picture.")
    private @Nullable Path picture;

    @Option(names = "--json", description = "Print one machine-readable line.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Map<String, Object> facts = new LinkedHashMap<>();
        if (!Files.exists(path)) {
            throw new InputException("There is nothing at %s.".formatted(path));
        } else if (analyze || against != null || picture != null) {
            return new AdapterInspection(path, model, against, picture).print(analyze, json);
        } else if (Files.exists(path.resolve("manifest.json"))) {
            checkpoint(facts);
        } else if (Files.exists(path.resolve(PeftFolder.CONFIG))) {
            adapter(facts);
        } else if (Files.isDirectory(path)) {
            model(facts);
        } else if (path.toString().endsWith(".safetensors")) {
            tensors(facts);
        } else {
            return new DatasetInspection(
                            path,
                            Named.parse(DataFormat.class, "--format", format),
                            model,
                            Named.parse(TrainOn.class, "--train-on", trainOn),
                            maxLength,
                            from,
                            show)
                    .print(json);
        }
        print(facts);
        return 0;
    }

    private void checkpoint(Map<String, Object> facts) throws IOException {
        facts.put("kind", "checkpoint");
        facts.put("step", Checkpoints.requireIntact(path));
        facts.put("intact", true);
    }

    private void adapter(Map<String, Object> facts) {
        try (PeftFolder adapter = PeftFolder.open(path)) {
            String format = adapter.config() instanceof PeftBottleneck ? "" : "PEFT ";
            facts.put("kind", format + adapter.config().kind() + " adapter");
            facts.put("base", String.valueOf(adapter.config().baseModel()));
            facts.putAll(AdapterFacts.of(adapter));
            facts.put("parameters", adapter.parameters());
        }
    }

    private void model(Map<String, Object> facts) {
        try (ModelFolder folder = ModelFolder.open(path)) {
            Architecture config = Architecture.read(folder.config(), path.resolve("config.json"));
            facts.put("kind", "model");
            facts.put("architecture", config.family());
            facts.put("parameters", folder.parameters());
            facts.put("layers", config.layers().size());
            facts.put("hidden_size", config.width());
            facts.put(
                    "heads",
                    "%d (%d key-value)"
                            .formatted(
                                    config.attention().heads(),
                                    config.attention().kvHeads()));
            facts.put("vocabulary", config.vocabulary());
            facts.put("positions", config.maxPositions());
            facts.put("sha256", folder.sha256());
        }
        if (Files.exists(path.resolve("tokenizer.json"))) {
            try (Tokenizer tokenizer = Tokenizer.open(path)) {
                facts.put("tokenizer", tokenizer.vocabularySize() + " tokens");
                facts.put("chat_template", tokenizer.chatTemplate() == null ? "none" : "present");
            }
        } else {
            facts.put("tokenizer", "none: only tokenized datasets can be trained on");
        }
    }

    private void tensors(Map<String, Object> facts) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            facts.put("kind", "safetensors");
            facts.put("tensors", file.tensors().size());
            for (TensorInfo tensor : file.tensors().values()) {
                facts.put(tensor.name(), tensor.dtype() + Arrays.toString(tensor.shape()));
            }
        }
    }

    private void print(Map<String, Object> facts) {
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(facts));
            return;
        }
        facts.forEach((name, value) -> System.out.println("%-16s %s".formatted(name, readable(value))));
    }

    private static Object readable(Object value) {
        return value instanceof Number number && !(value instanceof Double)
                ? String.format(Locale.ROOT, "%,d", number.longValue())
                : value;
    }
}
