package dev.lowrank.engine.compare;

import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.format.ModelFolder;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A comparison from its plan to its page, picture and JSON. */
public final class Comparing {
    private final ComparisonPlan plan;
    private final Path page;

    /** @param page Markdown file to write; the picture and the JSON have its name with another ending */
    public Comparing(ComparisonPlan plan, Path page) {
        this.plan = plan;
        this.page = page.toAbsolutePath();
    }

    /** The names and labels of everything that could be compared on the plan's base. */
    public static List<String> names(Path base, List<Integer> ranks, Map<Kind, Double> rates) {
        try (ModelFolder folder = ModelFolder.open(base)) {
            return Variants.all(folder, ranks, rates).stream()
                    .map(one -> "%-16s %-32s peak rate %s"
                            .formatted(one.name(), one.label(), Figures.rate(one.learningRate())))
                    .toList();
        }
    }

    /**
     * Does what is not done yet, and writes page, picture and JSON.
     *
     * @param chosen names of variants, or what names begin with; empty for all
     * @param rates peak learning rates in place of the usual ones
     * @param mainClass of the program, to be started again for each variant
     * @param command of that program that runs a {@link VariantProcess}
     * @return the figures, as they are in the JSON
     * @throws dev.lowrank.engine.InputException if base, files or names cannot be used
     */
    public ObjectNode run(
            List<Integer> ranks,
            Map<Kind, Double> rates,
            List<String> chosen,
            String mainClass,
            String command,
            PrintStream out)
            throws IOException {
        Page.requireWritable(page);
        Setting setting;
        List<Variant> variants;
        try (ModelFolder base = ModelFolder.open(plan.base())) {
            variants = Variants.chosen(Variants.all(base, ranks, rates), chosen);
            setting = Setting.look(plan, base);
        }
        out.println("%d variants, each %,d steps of %d rows; what is done is kept in %s."
                .formatted(variants.size(), setting.steps(), plan.batch(), plan.work()));
        List<Result> results =
                new Comparison(setting, new Child(mainClass, command), new ComparisonDisplay(out)).run(variants);
        return write(setting, results);
    }

    private ObjectNode write(Setting setting, List<Result> results) throws IOException {
        ObjectNode figures = ComparisonJson.of(setting, results);
        Path picture = beside(".svg");
        Path folder = page.getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Durable.write(picture, new ComparisonPicture(results).svg().getBytes(StandardCharsets.UTF_8));
        Durable.write(
                beside(".json"),
                (JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(figures) + "\n")
                        .getBytes(StandardCharsets.UTF_8));
        Page.write(page, new ComparisonTable(setting, results).markdown(String.valueOf(picture.getFileName())));
        return figures;
    }

    private Path beside(String ending) {
        String name = String.valueOf(page.getFileName());
        String stem = name.endsWith(".md") ? name.substring(0, name.length() - 3) : name;
        return page.resolveSibling(stem + ending);
    }
}
