package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetPreviewTest {
    private static final String ROW = """
            {"messages": [{"role": "user", "content": "Where? 🚢"}, {"role": "assistant", "content": "Harbour 🚢\\n\\u001b[2J"}]}""";

    @TempDir
    Path temporary;

    private final Tokenizer tokenizer = Fixture.open();

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @Test
    void trainedTokensAreMarkedInTheTextTheModelSees() throws IOException {
        RowView row = preview(1024, 0, ROW).views().getFirst();
        assertThat(row.text()).isEqualTo("<|bos|><|user|>Where? 🚢<|end|><|assistant|>Harbour 🚢\n\u001b[2J<|end|>");
        assertThat(row.pieces())
                .containsExactly(
                        new Piece("<|bos|><|user|>Where? 🚢<|end|><|assistant|>", Piece.Fate.CONTEXT),
                        new Piece("Harbour 🚢\n\u001b[2J<|end|>", Piece.Fate.TRAINED));
        assertThat(row.cutOff()).isZero();
    }

    @Test
    void whatIsCutOffIsMarkedToo() throws IOException {
        DatasetPreview preview = preview(16, 0, ROW);
        RowView row = preview.views().getFirst();
        assertThat(row.pieces().getLast().fate()).isEqualTo(Piece.Fate.CUT);
        assertThat(row.text()).endsWith("<|end|>");
        assertThat(row.kept()).isEqualTo(16);
        assertThat(preview.truncatedRows()).isEqualTo(1);
    }

    @Test
    void terminalTextShowsMarksAndControlCharactersHarmlessly() throws IOException {
        String text = preview(1024, 0, ROW, "{\"messages\": []}").render();
        assertThat(text)
                .contains("⟦Harbour 🚢↵\n\\u001b[2J<|end|>⟧", "line 2: messages is empty", "format         chat")
                .doesNotContain("\u001b");
    }

    @Test
    void tokenizedRowsAreShownAsTheTextTheyStandFor() throws IOException {
        DatasetPreview preview = preview(8, 0, "{\"input_ids\": [308, 305, 308], \"labels\": [-100, -100, 308]}");
        assertThat(preview.views().getFirst().pieces())
                .containsExactly(new Piece("The ferry", Piece.Fate.CONTEXT), new Piece("The", Piece.Fate.TRAINED));
    }

    @Test
    void tokenizedRowsNeedNoTokenizer() throws IOException {
        Path file = write("{\"input_ids\": [8, 5], \"labels\": [-100, 5]}");
        DatasetPreview preview = DatasetPreview.of(file, DataFormat.AUTO, null, 8, 0, 5);
        assertThat(preview.views().getFirst().pieces()).isEmpty();
        assertThat(preview.render()).contains("2 tokens, 1 trained, 0 cut off");
    }

    @Test
    void rowsAreKeptFromTheOneAskedForAndFiguresCountAll() throws IOException {
        DatasetPreview preview = preview(
                2,
                1,
                "{\"text\": \"The ferry\"}",
                "{\"text\": \"The ferry The\"}",
                "{\"text\": \"The ferry The ferry\"}");
        assertThat(preview.views()).extracting(RowView::line).containsExactly(2L, 3L);
        assertThat(preview.rows()).isEqualTo(3);
        assertThat(preview.truncatedRows()).isEqualTo(2);
        assertThat(preview.trainedTokens()).isEqualTo(3);
        assertThat(preview.lengths().longest()).isGreaterThan(3);
    }

    @Test
    void histogramDoublesItsClasses() {
        LengthHistogram lengths = new LengthHistogram();
        List.of(3, 4, 5, 17, 16).forEach(lengths::add);
        assertThat(lengths.buckets())
                .containsExactly(
                        new LengthHistogram.Bucket(3, 4, 2),
                        new LengthHistogram.Bucket(5, 8, 1),
                        new LengthHistogram.Bucket(9, 16, 1),
                        new LengthHistogram.Bucket(17, 32, 1));
        assertThat(lengths.tokens()).isEqualTo(45);
    }

    private DatasetPreview preview(int maxLength, long firstRow, String... lines) throws IOException {
        RowEncoder encoder = new RowEncoder(tokenizer, new TagRenderer(), TrainOn.ASSISTANT);
        return DatasetPreview.of(write(lines), DataFormat.AUTO, encoder, maxLength, firstRow, 5);
    }

    private Path write(String... lines) throws IOException {
        return Files.write(temporary.resolve("rows.jsonl"), List.of(lines));
    }
}
