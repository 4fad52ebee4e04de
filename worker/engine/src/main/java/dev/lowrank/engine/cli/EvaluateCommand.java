package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.evaluate.Evaluation;
import dev.lowrank.engine.evaluate.Evaluator;
import dev.lowrank.engine.generate.Assistant;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.Named;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code evaluate}: loss, perplexity and exact match of a base, or of a base with an adapter, on a dataset. */
@Command(
        name = "evaluate",
        mixinStandardHelpOptions = true,
        description = "Loss, perplexity and exact match of a base, or a base and an adapter, on a dataset.")
final class EvaluateCommand implements Callable<Integer> {
    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--data", required = true, paramLabel = "FILE", description = "Rows to judge by, as JSON Lines.")
    private Path data = Path.of("");

    @Option(names = "--format", paramLabel = "F", description = "auto, chat, completion, text or tokenized.")
    private String format = "auto";

    @Option(names = "--train-on", paramLabel = "T", description = "Which tokens count: assistant (default) or all.")
    private String trainOn = "assistant";

    @Option(names = "--max-length", paramLabel = "N", description = "Tokens of a row; the rest is cut off (1024).")
    private int maxLength = 1024;

    @Option(names = "--limit", paramLabel = "N", description = "Judge only the first N rows.")
    private int limit = Integer.MAX_VALUE;

    @Option(names = "--show", paramLabel = "K", description = "Show K rows with their answers (3).")
    private int show = 3;

    @Option(names = "--json", description = "Print one machine-readable line.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (options.adapters().size() > 1) {
            throw new InputException("evaluate judges one adapter at a time; give a single --adapter.");
        }
        Path adapter = options.adapters().isEmpty() ? null : options.adapters().get(0);
        try (Kernels kernels = options.kernels();
                Assistant assistant = Assistant.open(options.model(), kernels)) {
            Dataset rows = tokens(assistant).first(limit);
            List<String> lines;
            try (var all = Files.lines(data)) {
                lines = all.filter(line -> !line.isBlank()).limit(limit).toList();
            }
            assistant.use(adapter);
            print(adapter, new Evaluator(assistant).evaluate(lines, rows, show));
        }
        return 0;
    }

    private Dataset tokens(Assistant assistant) {
        RowEncoder encoder = new RowEncoder(
                assistant.tokenizer(),
                TemplateRenderer.of(assistant.tokenizer()),
                Named.parse(TrainOn.class, "--train-on", trainOn));
        int length = Math.min(maxLength, assistant.model().architecture().maxPositions());
        return Dataset.load(
                data,
                Named.parse(DataFormat.class, "--format", format),
                encoder,
                assistant.model().architecture().vocabulary(),
                length);
    }

    private void print(@Nullable Path adapter, Evaluation result) {
        if (json) {
            ObjectNode line = JsonMapper.shared().valueToTree(result);
            System.out.println(JsonMapper.shared().writeValueAsString(renamed(line)));
            return;
        }
        System.out.println(options.model() + (adapter == null ? "" : " + " + adapter));
        System.out.println("rows %,d, trained tokens %,d".formatted(result.rows(), result.trainedTokens()));
        System.out.println("loss %.4f, perplexity %.3f, token accuracy %.1f %%"
                .formatted(result.loss(), result.perplexity(), 100 * result.tokenAccuracy()));
        Double exact = result.exactMatch();
        if (exact != null) {
            System.out.println("exact match %.1f %%".formatted(100 * exact));
        }
        for (Evaluation.Sample sample : result.samples()) {
            System.out.println("%n  asked:    %s%n  expected: %s%n  answered: %s"
                    .formatted(sample.prompt(), sample.expected(), sample.answer()));
        }
    }

    /** JSON speaks in snake_case, as the rest of our files do. */
    private static ObjectNode renamed(ObjectNode node) {
        ObjectNode line = JsonMapper.shared().createObjectNode();
        node.properties()
                .forEach(field -> line.set(
                        field.getKey().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT), field.getValue()));
        return line;
    }
}
