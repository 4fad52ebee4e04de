package dev.lowrank.engine.compare;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Results as Markdown: what was done, the picture, the table, and one prompt answered by all. */
final class ComparisonTable {
    private static final int LONGEST_SHOWN = 300;

    private final Setting setting;
    private final List<Result> results;

    ComparisonTable(Setting setting, List<Result> results) {
        this.setting = setting;
        this.results = results;
    }

    /** @param picture its file name, beside the page */
    String markdown(String picture) {
        List<String> blocks = new ArrayList<>();
        blocks.add(setup());
        blocks.add("![Test loss and BLEU of each method against the parameters it trains](%s)".formatted(picture));
        blocks.add(table());
        blocks.add(legend());
        failures().ifPresent(blocks::add);
        answers().ifPresent(blocks::add);
        return String.join("\n\n", blocks) + "\n";
    }

    private String setup() {
        ComparisonPlan plan = setting.plan();
        String device = results.stream()
                .map(Result::trained)
                .filter(Objects::nonNull)
                .map(Trained::device)
                .findFirst()
                .orElse("nothing trained");
        return "Base `%s` (%s parameters), trained on %s rows of `%s`: %s steps of %d rows, peak learning rate as in the table after %d steps of warm-up, falling to zero, AdamW, seed %d. Judged on %s rows of `%s`%s. %s."
                .formatted(
                        name(plan.base()),
                        Figures.count(setting.baseParameters()),
                        Figures.count(setting.rows()),
                        name(plan.train()),
                        Figures.count(setting.steps()),
                        plan.batch(),
                        setting.warmup(),
                        plan.seed(),
                        Figures.count(setting.testRows()),
                        name(plan.test()),
                        asked(),
                        device);
    }

    private String asked() {
        return setting.answers() == 0
                ? "; nothing was asked, so there is no BLEU"
                : ", BLEU on the greedy answers to %s of their prompts (%s references)"
                        .formatted(Figures.count(setting.answers()), Figures.count(setting.references()));
    }

    private String table() {
        StringBuilder table = new StringBuilder(
                "| method | rate | trained parameters | of the base | checkpoint | peak memory | training | CPU time | tokens/s | test loss | perplexity | BLEU |\n"
                        + "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
        for (Result result : results) {
            table.append("\n| ").append(String.join(" | ", cells(result))).append(" |");
        }
        return table.toString();
    }

    private List<String> cells(Result result) {
        List<String> cells = new ArrayList<>(List.of(result.variant().label()));
        Trained trained = result.trained();
        if (trained == null) {
            cells.addAll(Collections.nCopies(8, "–"));
        } else {
            cells.addAll(List.of(
                    Figures.rate(result.variant().learningRate()),
                    Figures.count(trained.trainableParameters()),
                    Figures.share(trained.trainableParameters(), trained.baseParameters()),
                    Figures.bytes(trained.checkpointBytes()),
                    Figures.bytes(trained.peakBytes()),
                    Figures.seconds(trained.seconds()),
                    Figures.seconds(trained.cpuSeconds()),
                    Figures.format("%,.0f", trained.tokensPerSecond())));
        }
        Judged judged = result.judged();
        cells.addAll(
                judged == null
                        ? List.of("failed", "–", "–")
                        : List.of(Figures.loss(judged), Figures.perplexity(judged), Figures.bleu(judged)));
        return cells;
    }

    private String legend() {
        Long start = results.stream()
                .map(Result::trained)
                .filter(Objects::nonNull)
                .map(Trained::startBytes)
                .filter(Objects::nonNull)
                .sorted()
                .findFirst()
                .orElse(null);
        return """
                *Trained parameters*: values the optimizer moves. *Checkpoint*: the safetensors files of the result. \
                *Peak memory*: the most resident memory of the process that trained this variant and nothing else, the JVM and its \
                libraries included (%s before the base is loaded), from its start to the last step; judging is another process. \
                *Training*: the optimizer steps alone, by the clock; *CPU time*: of all threads meanwhile. \
                *Tokens/s*: median over the steps, all tokens that go through the model. *Test loss*: nats a trained token, over all test \
                rows. *BLEU*: corpus BLEU-4 against all references, mteval-v13a tokens, case kept, no smoothing.""".formatted(Figures.bytes(start));
    }

    private Optional<String> failures() {
        List<String> lines = results.stream()
                .filter(result -> result.failure() != null)
                .map(result -> "- %s failed: %s".formatted(result.variant().label(), result.failure()))
                .toList();
        return lines.isEmpty() ? Optional.empty() : Optional.of(String.join("\n", lines));
    }

    private Optional<String> answers() {
        List<Judged> judged =
                results.stream().map(Result::judged).filter(Objects::nonNull).toList();
        if (judged.isEmpty() || judged.getFirst().answers().isEmpty()) {
            return Optional.empty();
        }
        Judged.Answer first = judged.getFirst().answers().getFirst();
        StringBuilder text = new StringBuilder(
                "One of the prompts, `%s`, of which a reference is “%s”:\n\n| method | answer |\n|---|---|"
                        .formatted(cell(first.prompt()), cell(first.reference())));
        for (Result result : results) {
            Judged one = result.judged();
            if (one != null) {
                text.append("\n| %s | %s |"
                        .formatted(
                                result.variant().label(),
                                cell(one.answers().getFirst().answer())));
            }
        }
        return Optional.of(text.toString());
    }

    /** A model may answer anything, also what means something in Markdown. */
    private static String cell(String text) {
        String line = text.replaceAll("\\p{Cntrl}+", " ").strip();
        String shown = line.length() > LONGEST_SHOWN ? line.substring(0, LONGEST_SHOWN) + "…" : line;
        return shown.replaceAll("([\\\\|*_<>\\[\\]#~])", "\\\\$1").replace('`', '\'');
    }

    private static String name(Path path) {
        return String.valueOf(path.toAbsolutePath().normalize().getFileName());
    }
}
