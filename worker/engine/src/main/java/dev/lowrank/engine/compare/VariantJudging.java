package dev.lowrank.engine.compare;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.evaluate.Bleu;
import dev.lowrank.engine.evaluate.Evaluator;
import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.generate.Assistant;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Judges what a variant's training left, on the base it was trained on: a 4-bit one for QLoRA. */
final class VariantJudging {
    /** However long the references are. */
    private static final int LONGEST_ANSWER = 512;

    private final Task task;
    private final Path output;
    private final PrintStream parent;

    private VariantJudging(Task task, Path output, PrintStream parent) {
        this.task = task;
        this.output = output;
        this.parent = parent;
    }

    static void run(Path folder, PrintStream parent) throws IOException {
        Judged judged = new VariantJudging(Task.read(folder), Task.output(folder), parent).judge();
        Durable.write(folder.resolve(Task.JUDGED), JsonMapper.shared().writeValueAsBytes(judged));
    }

    private Judged judge() throws IOException {
        try (Kernels kernels = CpuKernels.open(task.threads());
                Assistant assistant = open(kernels)) {
            Dataset rows = rows(assistant);
            LossSum sum = new Evaluator(assistant).measure(rows);
            double loss = sum.loss() / sum.tokens();
            List<TestQuestions.Asked> questions = task.answers() == 0 ? List.of() : questions(rows.format());
            List<Judged.Answer> answers = answer(assistant, questions);
            return new Judged(
                    task.judgingIdentity(),
                    rows.size(),
                    sum.tokens(),
                    loss,
                    Math.exp(loss),
                    answers.isEmpty() ? null : bleu(answers, questions),
                    answers);
        }
    }

    private Assistant open(Kernels kernels) {
        TrainingSpec spec =
                task.spec() == null ? null : SpecJson.read(task.spec()).spec();
        Path base = spec != null && spec.method() == Method.FULL ? output : Path.of(task.base());
        Assistant assistant = Assistant.open(base, precision(spec), kernels);
        assistant.use(spec == null || spec.method() == Method.FULL ? null : output);
        return assistant;
    }

    private static Precision precision(@Nullable TrainingSpec spec) {
        return spec != null && spec.quantization().quantizes()
                ? Precision.nf4(spec.quantization().doubled())
                : Precision.FROZEN;
    }

    private Dataset rows(Assistant assistant) {
        RowEncoder encoder =
                new RowEncoder(assistant.tokenizer(), TemplateRenderer.of(assistant.tokenizer()), TrainOn.ASSISTANT);
        int length = Math.min(task.maxLength(), assistant.model().architecture().maxPositions());
        int vocabulary = assistant.model().architecture().vocabulary();
        return Dataset.load(Path.of(task.test()), DataFormat.AUTO, encoder, vocabulary, length);
    }

    private List<TestQuestions.Asked> questions(DataFormat format) throws IOException {
        Path references = task.references() == null ? null : Path.of(task.references());
        return TestQuestions.sample(
                TestQuestions.read(Path.of(task.test()), format, references), task.answers(), task.seed());
    }

    private List<Judged.Answer> answer(Assistant assistant, List<TestQuestions.Asked> questions) {
        int most = longestReference(assistant, questions);
        List<Judged.Answer> answers = new ArrayList<>();
        for (TestQuestions.Asked asked : questions) {
            String answer = asked.question().ask(assistant, most).strip();
            answers.add(new Judged.Answer(
                    asked.question().prompt(), asked.references().getFirst(), answer));
            ChildProgress.tell(parent, "answering", answers.size(), questions.size(), "");
        }
        return answers;
    }

    /** Nothing longer can be right, and a variant that never ends would take for ever. */
    private static int longestReference(Assistant assistant, List<TestQuestions.Asked> questions) {
        return questions.stream()
                .flatMap(asked -> asked.references().stream())
                .mapToInt(text -> assistant.tokenizer().encode(text).ids().length + 1)
                .max()
                .stream()
                .map(longest -> Math.min(longest, LONGEST_ANSWER))
                .findFirst()
                .orElse(1);
    }

    private static Bleu bleu(List<Judged.Answer> answers, List<TestQuestions.Asked> questions) {
        return Bleu.of(
                answers.stream().map(Judged.Answer::answer).toList(),
                questions.stream().map(TestQuestions.Asked::references).toList());
    }
}
