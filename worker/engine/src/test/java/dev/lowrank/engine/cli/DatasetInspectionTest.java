package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class DatasetInspectionTest {
    private static final String ROW =
            "{\"messages\": [{\"role\": \"user\", \"content\": \"boat\"}, {\"role\": \"assistant\", \"content\": \"tide\"}]%s}\n";
    private static final String PAIR = "{\"prompt\": \"The\", \"chosen\": \" ferry\", \"rejected\": \" tide\"}\n";

    @TempDir
    Path temporary;

    private int code;

    @Test
    void lineForMachinesHoldsFiguresHistogramAndRowsTokenByToken() throws IOException {
        JsonNode line = json(ROW.formatted("") + ROW.formatted("") + "{\"messages\": 7}\n", base());
        assertThat(code).isEqualTo(1);
        assertThat(line.get("file").stringValue()).isEqualTo("JSON Lines");
        assertThat(line.get("format").stringValue()).isEqualTo("chat");
        assertThat(line.get("rows").intValue()).isEqualTo(2);
        assertThat(line.get("duplicates").intValue()).isEqualTo(1);
        assertThat(line.get("problem_list").get(0).get("problem").stringValue())
                .isEqualTo("messages is a number; write a list of messages.");
        assertThat(line.get("lengths").get(0).get("rows").intValue()).isEqualTo(2);
        JsonNode row = line.get("shown").get(0);
        assertThat(row.get("text").stringValue()).isEqualTo("<|bos|><|user|>boat<|end|><|assistant|>tide<|end|>");
        assertThat(row.get("pieces").get(1).toString()).isEqualTo("{\"fate\":\"trained\",\"text\":\"tide<|end|>\"}");
        assertThat(row.get("input_ids").size())
                .isEqualTo(row.get("labels").size())
                .isEqualTo(row.get("tokens").intValue());
        int trained = row.get("trained_tokens").intValue();
        assertThat(line.get("trained_tokens").intValue()).isEqualTo(2 * trained);
        assertThat(line.get("trained_share").doubleValue())
                .isEqualTo((double) trained / row.get("tokens").intValue());
    }

    @Test
    void bothSidesOfPairsAreShown() throws IOException {
        JsonNode line = json(PAIR, base());
        assertThat(code).isZero();
        assertThat(line.get("format").stringValue()).isEqualTo("preference");
        assertThat(line.get("shown").get(0).get("side").stringValue()).isEqualTo("chosen");
        assertThat(line.get("shown").get(1).get("side").stringValue()).isEqualTo("rejected");
        assertThat(line.get("shown").get(1).get("pieces").get(1).get("text").stringValue())
                .isEqualTo(" tide");
    }

    @Test
    void whatTheTemplateLeavesOutIsSaid() throws IOException {
        String tools = ", \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]";
        JsonNode line = json(ROW.formatted(tools) + ROW.formatted(""), base());
        assertThat(code).isZero();
        assertThat(line.get("notices").get(0).stringValue())
                .startsWith("The chat template leaves out the tools in 1 of the 1 rows looked at");
        assertThat(json(ROW.formatted(""), base()).get("notices").size()).isZero();
    }

    @Test
    void textForPeopleMarksLossAndCutWithoutColours() throws IOException {
        String text = text(ROW.formatted(""), base(), 8);
        assertThat(code).isZero();
        assertThat(text)
                .contains("1 usable, 0 not", "carry loss", "1 row at max_length 8", "── line 1:", "⟦", "✂", "ids")
                .doesNotContain("\u001b");
    }

    @Test
    void withoutABaseTheFormIsChecked() throws IOException {
        assertThat(json(PAIR + PAIR, null).get("duplicates").intValue()).isEqualTo(1);
        assertThat(text("{\"text\": 7}\n", null, 64)).contains("line 1: text is a number; write a string.");
        assertThat(code).isEqualTo(1);
    }

    @Test
    void baseWithoutTokenizerShowsIds() throws IOException {
        assertThat(text("{\"input_ids\": [5, 6], \"labels\": [-100, 6]}\n", temporary, 64))
                .contains("ids  5  ⟦ 6 ⟧");
    }

    private static Path base() {
        return Fixture.folder();
    }

    private JsonNode json(String rows, @Nullable Path base) throws IOException {
        return JsonMapper.shared().readTree(print(rows, base, 1024, true));
    }

    private String text(String rows, @Nullable Path base, int maxLength) throws IOException {
        return print(rows, base, maxLength, false);
    }

    private String print(String rows, @Nullable Path base, int maxLength, boolean json) throws IOException {
        Path file = Files.writeString(temporary.resolve("rows.jsonl"), rows);
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            code = new DatasetInspection(file, DataFormat.AUTO, base, TrainOn.ASSISTANT, maxLength, 1, 3).print(json);
        } finally {
            System.setOut(out);
        }
        return printed.toString(StandardCharsets.UTF_8);
    }
}
