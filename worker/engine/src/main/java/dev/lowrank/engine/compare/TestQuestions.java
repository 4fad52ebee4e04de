package dev.lowrank.engine.compare;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.data.BatchOrder;
import dev.lowrank.engine.evaluate.Question;
import dev.lowrank.engine.format.JsonFile;
import dev.lowrank.engine.spec.DataFormat;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The test rows as questions, each prompt once, with every answer that is known to be good. */
final class TestQuestions {
    private static final int MOST_BYTES = 256 << 20;
    private static final int MOST_VALUES = 8_000_000;

    /** A question and its references, at least one. */
    record Asked(Question question, List<String> references) {
        Asked {
            references = List.copyOf(references);
        }

        private Asked with(Asked same) {
            return new Asked(
                    question,
                    Stream.concat(references.stream(), same.references.stream()).toList());
        }
    }

    private TestQuestions() {}

    /**
     * Reads questions from JSON Lines. Rows with the same prompt are one question, whose references are their answers,
     * unless a file names others.
     *
     * @param references a JSON array of {@code {"input": prompt, "references": [answer, …]}}, or null
     */
    static List<Asked> read(Path test, DataFormat format, @Nullable Path references) throws IOException {
        Map<List<Object>, Asked> questions = new LinkedHashMap<>();
        try (BufferedReader lines = Files.newBufferedReader(test)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Question question =
                        line.isBlank() ? null : Question.of(JsonMapper.shared().readTree(line), format);
                if (question != null) {
                    questions.merge(
                            List.of(question.messages(), question.prompt()),
                            new Asked(question, List.of(question.expected())),
                            Asked::with);
                }
            }
        }
        return references == null ? List.copyOf(questions.values()) : named(references, questions.values());
    }

    /** So many of them, drawn by a seed, in the order of the file. */
    static List<Asked> sample(List<Asked> all, int most, int seed) {
        int[] order = new BatchOrder(all.size(), true, seed).epoch(0);
        return Arrays.stream(order).limit(most).sorted().mapToObj(all::get).toList();
    }

    private static Map<String, List<String>> named(Path file) {
        Map<String, List<String>> named = new HashMap<>();
        for (JsonNode entry : JsonFile.read(file, MOST_BYTES, MOST_VALUES)) {
            List<String> texts = new ArrayList<>();
            entry.path("references").forEach(text -> texts.add(text.asString("")));
            if (!entry.path("input").isString() || texts.isEmpty()) {
                throw new InputException(
                        "%s must be a list of {\"input\": the prompt, \"references\": [its answers]}, each with at least one answer."
                                .formatted(file.getFileName()));
            }
            named.put(entry.path("input").asString(), texts);
        }
        return named;
    }

    private static List<Asked> named(Path file, Collection<Asked> questions) {
        Map<String, List<String>> named = named(file);
        List<Asked> asked = new ArrayList<>();
        for (Asked one : questions) {
            String prompt = one.question().prompt();
            List<String> texts = named.get(prompt);
            if (texts == null) {
                throw new InputException("%s has no entry whose \"input\" is the test prompt %s; add one."
                        .formatted(file.getFileName(), Quoted.of(prompt)));
            }
            asked.add(new Asked(one.question(), texts));
        }
        return asked;
    }
}
