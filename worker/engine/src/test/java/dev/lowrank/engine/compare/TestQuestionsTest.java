package dev.lowrank.engine.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestQuestionsTest {
    @TempDir
    private Path folder;

    @Test
    void rowsWithOnePromptAreOneQuestionWithAllTheirAnswers() throws IOException {
        List<TestQuestions.Asked> asked = TestQuestions.read(rows(), DataFormat.COMPLETION, null);
        assertThat(asked).extracting(one -> one.question().prompt()).containsExactly("p", "q");
        assertThat(asked.getFirst().references()).containsExactly("one", "two");
    }

    @Test
    void referencesOfAFileTakeThePlaceOfTheRowsAnswers() throws IOException {
        Path file = Files.writeString(
                folder.resolve("references.json"),
                "[{\"input\": \"q\", \"references\": [\"x\"]}, {\"input\": \"p\", \"references\": [\"y\", \"z\"]}]");
        assertThat(TestQuestions.read(rows(), DataFormat.COMPLETION, file))
                .extracting(TestQuestions.Asked::references)
                .containsExactly(List.of("y", "z"), List.of("x"));
    }

    @Test
    void aPromptWithoutReferencesIsNamed() throws IOException {
        Path file =
                Files.writeString(folder.resolve("references.json"), "[{\"input\": \"p\", \"references\": [\"y\"]}]");
        assertThatThrownBy(() -> TestQuestions.read(rows(), DataFormat.COMPLETION, file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("references.json has no entry")
                .hasMessageContaining("\"q\"");
        Path none = Files.writeString(folder.resolve("none.json"), "[{\"input\": \"p\"}]");
        assertThatThrownBy(() -> TestQuestions.read(rows(), DataFormat.COMPLETION, none))
                .hasMessageContaining("at least one answer");
    }

    @Test
    void theSampleIsDrawnByTheSeedAndKeepsTheOrder() throws IOException {
        List<TestQuestions.Asked> asked = TestQuestions.read(rows(), DataFormat.COMPLETION, null);
        assertThat(TestQuestions.sample(asked, 5, 0)).isEqualTo(asked);
        assertThat(TestQuestions.sample(asked, 1, 0)).hasSize(1).isEqualTo(TestQuestions.sample(asked, 1, 0));
    }

    private Path rows() throws IOException {
        return Files.writeString(folder.resolve("rows.jsonl"), """
                {"prompt": "p", "completion": "one"}
                {"prompt": "q", "completion": "three"}

                {"prompt": "p", "completion": "two"}
                """);
    }
}
