package dev.lowrank.engine.evaluate;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.generate.Assistant;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.train.LossMeter;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Judges an assistant on the rows of a dataset. */
public final class Evaluator {
    private static final JsonMapper MAPPER = JsonMapper.shared();
    /** An answer that has not ended this many tokens after the expected one will not become equal to it. */
    private static final int SLACK = 4;

    private final Assistant assistant;

    public Evaluator(Assistant assistant) {
        this.assistant = assistant;
    }

    /**
     * Judges the assistant, with the adapter it has on.
     *
     * @param lines the dataset's rows as they stand in the file, for the answers
     * @param data the same rows as tokens, for the loss
     * @param shown samples to return
     */
    public Evaluation evaluate(List<String> lines, Dataset data, int shown) {
        LossSum sum = measure(data);
        List<Evaluation.Sample> samples = new ArrayList<>();
        Double exact = Question.asks(data.format()) ? exactMatch(lines, data.format(), shown, samples) : null;
        double loss = sum.loss() / sum.tokens();
        return new Evaluation(
                data.size(), sum.tokens(), loss, Math.exp(loss), (double) sum.correct() / sum.tokens(), exact, samples);
    }

    /** The loss alone, summed over all trained tokens. */
    public LossSum measure(Dataset data) {
        try (Workspace scratch = assistant.kernels().workspace()) {
            assistant.model().reservePositions(data.longestRow());
            return LossMeter.measure(assistant.model(), data, assistant.kernels(), scratch);
        }
    }

    private @Nullable Double exactMatch(
            List<String> lines, DataFormat format, int shown, List<Evaluation.Sample> samples) {
        int asked = 0;
        int equal = 0;
        for (String line : lines) {
            Question question = Question.of(MAPPER.readTree(line), format);
            if (question == null) {
                continue;
            }
            String answer = answer(question, format);
            asked++;
            equal += answer.strip().equals(question.expected().strip()) ? 1 : 0;
            if (samples.size() < shown) {
                samples.add(new Evaluation.Sample(question.prompt(), question.expected(), answer));
            }
        }
        return asked == 0 ? null : (double) equal / asked;
    }

    private String answer(Question question, DataFormat format) {
        int length = assistant.tokenizer().encode(question.expected()).ids().length;
        return question.ask(assistant, format == DataFormat.CHAT ? length + SLACK : length);
    }
}
