package dev.lowrank.engine.compare;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.data.BatchOrder;
import dev.lowrank.engine.data.DatasetCheck;
import dev.lowrank.engine.data.DatasetLimits;
import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.data.FileKind;
import dev.lowrank.engine.evaluate.Question;
import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Sha256;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.SpecJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * What every variant shares, once the files have been looked at.
 *
 * @param train the rows to train on: the plan's, or those drawn from them
 * @param answers most prompts that are answered; 0 where the test rows ask nothing
 * @param references how many references the answered prompts have in all
 */
record Setting(
        ComparisonPlan plan,
        Path train,
        int rows,
        int steps,
        long testRows,
        int answers,
        int references,
        long baseParameters,
        String trainingDigest,
        String judgingDigest) {
    private static final JsonMapper MAPPER = JsonMapper.shared();
    private static final int MOST_WARMUP = 100;

    /** @throws InputException if the files cannot be used, or do not fit together */
    static Setting look(ComparisonPlan plan, ModelFolder base) throws IOException {
        DatasetReport train = sound("--train", plan.train());
        DatasetReport test = sound("--test", plan.test());
        Files.createDirectories(plan.work());
        Path drawn = plan.train();
        int rows = Math.toIntExact(train.examples());
        Integer wanted = plan.rows();
        if (wanted != null && wanted < rows) {
            drawn = draw(plan, train, wanted);
            rows = wanted;
        }
        int asked = 0;
        int references = 0;
        if (plan.answers() > 0 && test.kind() == FileKind.JSON_LINES && Question.asks(test.format())) {
            List<TestQuestions.Asked> questions = TestQuestions.sample(
                    TestQuestions.read(plan.test(), test.format(), plan.references()), plan.answers(), plan.seed());
            asked = questions.size();
            references =
                    questions.stream().mapToInt(one -> one.references().size()).sum();
        } else if (plan.references() != null && plan.answers() > 0) {
            throw new InputException(
                    "--references needs test rows that ask something, in JSON Lines of chats or completions; leave it out.");
        }
        int steps = plan.steps() != null ? plan.steps() : plan.epochs() * Math.ceilDiv(rows, plan.batch());
        String training = base.sha256() + Sha256.of(drawn);
        String judging = Sha256.of(plan.test()) + digest(plan.references()) + asked;
        return new Setting(
                plan, drawn, rows, steps, test.examples(), asked, references, base.parameters(), training, judging);
    }

    private static DatasetReport sound(String option, Path file) throws IOException {
        DatasetReport report = DatasetCheck.check(file, DataFormat.AUTO, DatasetLimits.DEFAULT);
        if (!report.sound() || report.examples() == 0) {
            throw new InputException("%s has %,d rows that cannot be used; look at them with: inspect %s"
                    .formatted(option, report.problemCount(), file));
        }
        if (report.format() == DataFormat.PREFERENCE) {
            throw new InputException(
                    "%s holds preference pairs, but rows with one answer are compared here.".formatted(option));
        }
        return report;
    }

    private static Path draw(ComparisonPlan plan, DatasetReport train, int wanted) throws IOException {
        if (train.kind() != FileKind.JSON_LINES) {
            throw new InputException("--rows draws from JSON Lines only, but --train is a %s; use --steps instead."
                    .formatted(train.kind().title()));
        }
        List<String> lines = Files.readAllLines(plan.train()).stream()
                .filter(line -> !line.isBlank())
                .toList();
        int[] order = new BatchOrder(lines.size(), true, plan.seed()).epoch(0);
        List<String> drawn =
                Arrays.stream(order).limit(wanted).sorted().mapToObj(lines::get).toList();
        Path file = plan.work().resolve("train-rows.jsonl");
        Durable.write(file, (String.join("\n", drawn) + "\n").getBytes(StandardCharsets.UTF_8));
        return file;
    }

    /** Where what is done for a variant is kept. */
    Path folder(Variant variant) {
        return plan.work().resolve(variant.name());
    }

    /** The task for a variant, whose folder need not exist. */
    Task task(Variant variant) {
        ObjectNode spec = spec(variant);
        String training = digest(spec) + trainingDigest + plan.threads();
        Path references = plan.references();
        return new Task(
                spec,
                plan.base().toAbsolutePath().toString(),
                plan.test().toAbsolutePath().toString(),
                references == null ? null : references.toAbsolutePath().toString(),
                plan.maxLength(),
                answers,
                plan.seed(),
                plan.threads(),
                Sha256.of(training.getBytes(StandardCharsets.UTF_8)),
                Sha256.of(
                        (training + judgingDigest + plan.seed() + plan.maxLength()).getBytes(StandardCharsets.UTF_8)));
    }

    private @Nullable ObjectNode spec(Variant variant) {
        Kind kind = variant.kind();
        if (kind == null) {
            return null;
        }
        ObjectNode spec = JsonNodeFactory.instance.objectNode();
        spec.put("base_model", plan.base().toAbsolutePath().toString());
        spec.put("training_file", train.toAbsolutePath().toString());
        spec.put("output", Task.output(folder(variant)).toAbsolutePath().toString());
        spec.put("method", kind.method().key());
        spec.set("adapter", MAPPER.valueToTree(variant.adapter()));
        spec.set("training", MAPPER.valueToTree(training(variant)));
        return SpecJson.write(SpecJson.read(spec).spec());
    }

    private Map<String, Object> training(Variant variant) {
        int epochSteps = Math.ceilDiv(rows, plan.batch());
        return Map.of(
                "epochs", Math.ceilDiv(steps, epochSteps),
                "max_steps", steps,
                "micro_batch_size", plan.batch(),
                "learning_rate", variant.learningRate(),
                "warmup_steps", warmup(),
                "shuffle", true,
                "seed", plan.seed(),
                "max_length", plan.maxLength(),
                "checkpoint_every_steps", steps);
    }

    int warmup() {
        return Math.min(steps / 20, MOST_WARMUP);
    }

    private static String digest(@Nullable ObjectNode spec) {
        if (spec == null) {
            return "";
        }
        ObjectNode settings = spec.deepCopy();
        settings.remove(List.of("base_model", "training_file", "output"));
        return settings.toString();
    }

    private static String digest(@Nullable Path file) {
        return file == null ? "" : Sha256.of(file);
    }
}
