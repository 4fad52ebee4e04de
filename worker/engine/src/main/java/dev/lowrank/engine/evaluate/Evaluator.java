package dev.lowrank.engine.evaluate;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.generate.Assistant;
import dev.lowrank.engine.generate.Sampling;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.train.LossMeter;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Judges an assistant on the rows of a dataset. */
public final class Evaluator {
    private static final JsonMapper MAPPER = JsonMapper.shared();
    /** An answer that has not ended this many tokens after the expected one will not become equal to it. */
    private static final int SLACK = 4;

    private record Question(List<Map<String, Object>> messages, String prompt, String expected) {}

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
        LossSum sum;
        try (Workspace scratch = assistant.kernels().workspace()) {
            assistant.model().reservePositions(data.longestRow());
            sum = LossMeter.measure(assistant.model(), data, assistant.kernels(), scratch);
        }
        List<Evaluation.Sample> samples = new ArrayList<>();
        Double exact = hasAnswers(data.format()) ? exactMatch(lines, data.format(), shown, samples) : null;
        double loss = sum.loss() / sum.tokens();
        return new Evaluation(
                data.size(), sum.tokens(), loss, Math.exp(loss), (double) sum.correct() / sum.tokens(), exact, samples);
    }

    private static boolean hasAnswers(DataFormat format) {
        return format == DataFormat.CHAT || format == DataFormat.COMPLETION;
    }

    private @Nullable Double exactMatch(
            List<String> lines, DataFormat format, int shown, List<Evaluation.Sample> samples) {
        int asked = 0;
        int equal = 0;
        for (String line : lines) {
            Question question = question(MAPPER.readTree(line), format);
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
        if (format == DataFormat.CHAT) {
            return assistant.answer(question.messages(), Sampling.GREEDY, length + SLACK);
        }
        return assistant.complete(question.prompt(), Sampling.GREEDY, length);
    }

    /** The last answer of a row and what came before it; null if the row has none in plain text. */
    private static @Nullable Question question(JsonNode row, DataFormat format) {
        if (format == DataFormat.COMPLETION) {
            String prompt = row.path("prompt").asString();
            return new Question(List.of(), prompt, row.path("completion").asString());
        }
        JsonNode messages = row.path("messages");
        List<Map<String, Object>> before = new ArrayList<>();
        Question last = null;
        for (JsonNode message : messages) {
            String role = message.path("role").asString();
            if (role.equals("assistant") && message.path("content").isString() && !before.isEmpty()) {
                last = new Question(
                        List.copyOf(before),
                        String.valueOf(before.get(before.size() - 1).get("content")),
                        message.path("content").asString());
            }
            before.add(Map.of("role", role, "content", message.path("content").asString("")));
        }
        return last;
    }
}
