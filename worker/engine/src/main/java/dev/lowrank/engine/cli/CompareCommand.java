package dev.lowrank.engine.cli;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.compare.Comparing;
import dev.lowrank.engine.compare.ComparisonPlan;
import dev.lowrank.engine.compare.Kind;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code compare}: which method and size suits a base and a data set. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Fine-tunes a base in every way on the same rows and judges the results on others: a table, a picture and JSON.",
            "Every variant is trained in a process of its own; called again, it goes on where it was stopped."
        })
final class CompareCommand implements Callable<Integer> {
    @Option(names = "--base", required = true, paramLabel = "DIR", description = "The base model's folder.")
    private Path base = Path.of("");

    @Option(names = "--train", paramLabel = "FILE", description = "Rows to train on.")
    private @Nullable Path train;

    @Option(names = "--test", paramLabel = "FILE", description = "Rows to judge by, of the same form.")
    private @Nullable Path test;

    @Option(
            names = "--references",
            paramLabel = "FILE",
            description = "Good answers for BLEU: [{\"input\": prompt, \"references\": [answer, …]}, …]."
                    + " Without it, those of the test rows with the same prompt.")
    private @Nullable Path references;

    @Option(
            names = "--output",
            paramLabel = "FILE.md",
            description = "The page to write, with .svg and .json beside it (comparison.md in the work folder)."
                    + " Of a page that exists only the marked part is replaced.")
    private @Nullable Path output;

    @Option(names = "--work", paramLabel = "DIR", description = "Keeps what is done (comparison).")
    private Path work = Path.of("comparison");

    @Option(names = "--rows", paramLabel = "N", description = "Train on N rows, drawn by the seed (all).")
    private @Nullable Integer rows;

    @Option(names = "--epochs", paramLabel = "N", description = "Passes over these rows (1).")
    private int epochs = 1;

    @Option(names = "--steps", paramLabel = "N", description = "Optimizer steps, in place of --epochs.")
    private @Nullable Integer steps;

    @Option(names = "--batch", paramLabel = "N", description = "Rows of a step (8).")
    private int batch = 8;

    @Option(names = "--max-length", paramLabel = "N", description = "Tokens of a row; the rest is cut off (1024).")
    private int maxLength = 1024;

    @Option(names = "--answers", paramLabel = "N", description = "Prompts to answer for BLEU, drawn by the seed (200).")
    private int answers = 200;

    @Option(names = "--seed", paramLabel = "N", description = "Of everything that is drawn (0).")
    private int seed;

    @Option(names = "--ranks", split = ",", paramLabel = "R", description = "Ranks of LoRA (1,2,4,8,64).")
    private List<Integer> ranks = List.of(1, 2, 4, 8, 64);

    @Option(
            names = "--rate",
            paramLabel = "KIND=RATE",
            description =
                    "Peak learning rate of a kind, such as lora-all=2e-4; may be repeated. --list shows the usual ones.")
    private Map<String, Double> rates = new LinkedHashMap<>();

    @Option(
            names = "--variants",
            split = ",",
            paramLabel = "NAME",
            description = "Only these: names, or what they begin with (lora-all, qlora-8, …).")
    private List<String> variants = List.of();

    @Option(names = "--list", description = "Only list the variants there are for the base.")
    private boolean list;

    @Option(names = "--threads", paramLabel = "N", description = "Threads to compute with (default: all cores).")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--json", description = "Print one machine-readable line at the end.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Map<Kind, Double> given = rates();
        if (list) {
            Comparing.names(base, ranks, given).forEach(System.out::println);
            return 0;
        }
        ComparisonPlan plan = new ComparisonPlan(
                base,
                required(train, "--train"),
                required(test, "--test"),
                references,
                work,
                rows,
                steps,
                epochs,
                batch,
                maxLength,
                seed,
                answers,
                threads);
        PrintStream out = json ? System.err : System.out;
        Path page = output != null ? output : work.resolve("comparison.md");
        JsonNode figures = new Comparing(plan, page)
                .run(ranks, given, variants, Lowrank.class.getName(), CompareVariantCommand.NAME, out);
        out.println("Wrote " + page);
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(figures));
        }
        return figures.path("variants").valueStream().anyMatch(one -> one.has("failure")) ? 1 : 0;
    }

    private Map<Kind, Double> rates() {
        Map<Kind, Double> given = new EnumMap<>(Kind.class);
        rates.forEach((key, rate) -> given.put(kind(key), rate));
        return given;
    }

    private static Kind kind(String key) {
        return Arrays.stream(Kind.values())
                .filter(kind -> kind.key().equals(key))
                .findFirst()
                .orElseThrow(() -> new InputException("--rate names the kind \"%s\", but there are only: %s."
                        .formatted(
                                key, Arrays.stream(Kind.values()).map(Kind::key).collect(Collectors.joining(", ")))));
    }

    private static Path required(@Nullable Path file, String option) {
        if (file == null) {
            throw new InputException("Name the rows: %s FILE.".formatted(option));
        }
        return file;
    }
}
