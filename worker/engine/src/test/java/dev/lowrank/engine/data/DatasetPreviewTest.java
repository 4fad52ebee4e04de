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
        String text = preview(1024, 0, ROW, "{\"messages\": []}").render(false);
        assertThat(text)
                .contains(
                        "⟦Harbour 🚢↵\n\\u001b[2J<|end|>⟧",
                        "line 2: messages is empty",
                        "dataset        JSON Lines of chat rows")
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
        assertThat(preview.render(false)).contains("2 tokens, 1 trained, 0 cut off");
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
    void histogramHasOneRoundWidthAndTakesTheFewLongestIntoTheLastClass() {
        LengthHistogram lengths = new LengthHistogram();
        for (int i = 0; i < 100; i++) {
            lengths.add(23 + i % 40);
        }
        lengths.add(5_000);
        assertThat(lengths.buckets())
                .hasSize(9)
                .startsWith(new LengthHistogram.Bucket(20, 24, 6), new LengthHistogram.Bucket(25, 29, 15))
                .endsWith(new LengthHistogram.Bucket(60, 5_000, 7));
        assertThat(lengths.buckets().stream()
                        .mapToLong(LengthHistogram.Bucket::rows)
                        .sum())
                .isEqualTo(101);
        assertThat(lengths.percentile(0.5)).isEqualTo(39);
        assertThat(lengths.shortest()).isEqualTo(23);
    }

    @Test
    void histogramOfOneRowIsOneClass() {
        LengthHistogram lengths = new LengthHistogram();
        lengths.add(7);
        assertThat(lengths.buckets()).containsExactly(new LengthHistogram.Bucket(7, 7, 1));
        assertThat(new LengthHistogram().buckets()).isEmpty();
    }

    private DatasetPreview preview(int maxLength, long firstRow, String... lines) throws IOException {
        RowEncoder encoder = new RowEncoder(tokenizer, new TagRenderer(), TrainOn.ASSISTANT);
        return DatasetPreview.of(write(lines), DataFormat.AUTO, encoder, maxLength, firstRow, 5);
    }

    private Path write(String... lines) throws IOException {
        return Files.write(temporary.resolve("rows.jsonl"), List.of(lines));
    }
}
