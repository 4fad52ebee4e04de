package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Ids and labels of a real model and real rows, against what transformers says now; needs the conformance data beside the
 * checkout and, in LOWRANK_REFERENCE_PYTHON, a Python that has transformers.
 */
class ReferenceParityTest {
    private static final int ROWS = 50;

    /** The reference's own reading of a row, from the comparison run beside the conformance data. */
    private static final String ASK = """
            import json, pathlib, re, sys, types
            import transformers as tf
            source = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
            encode = re.search(r"^def encode\\(row\\):\\n(?:(?:    .*)?\\n)+", source, re.M).group(0)
            tok = tf.AutoTokenizer.from_pretrained(sys.argv[2])
            names = dict(tok=tok, t=dict(train_on=sys.argv[4]))
            exec(encode, names)
            for line in open(sys.argv[3], encoding="utf-8"):
                ids, labels = names["encode"](json.loads(line))
                print(json.dumps(dict(ids=ids, labels=labels)))
            """;

    /** What real rows of that file lack: several turns, weights, and characters of every width. */
    private static final List<String> HARD = List.of("""
            {"messages": [{"role": "system", "content": "Über\\u0301 alles 👩‍🚀"}, {"role": "user", "content": "名前?"}, {"role": "assistant", "content": "アリメンタム 🍽️.", "weight": 0}, {"role": "user", "content": "  again\\n\\n"}, {"role": "assistant", "content": " Cafe\\u0301\\u0302 🍽 "}]}""", """
            {"messages": [{"role": "user", "content": "<|end|> 𝕏 שלום"}, {"role": "assistant", "content": "\\ufeff\\tمرحبا"}, {"role": "user", "content": ""}, {"role": "assistant", "content": "İıſß"}]}""");

    @TempDir
    Path temporary;

    @Test
    void realRowsGiveTheIdsAndLabelsOfTransformers() throws Exception {
        compare(TrainOn.ASSISTANT);
    }

    @Test
    void trainingOnAllGivesTheLabelsOfTransformersToo() throws Exception {
        compare(TrainOn.ALL);
    }

    private void compare(TrainOn trainOn) throws Exception {
        Path model = SharedData.require("real/tiny-english");
        Path rows = temporary.resolve("rows.jsonl");
        try (Stream<String> lines = Files.lines(SharedData.require("real/e2e-train.jsonl"))) {
            Files.write(rows, Stream.concat(lines.limit(ROWS), HARD.stream()).toList());
        }
        List<JsonNode> wanted = ask(model, rows, trainOn.key());
        try (Tokenizer tokenizer = Tokenizer.open(model)) {
            RowEncoder encoder = new RowEncoder(tokenizer, TemplateRenderer.of(tokenizer), trainOn);
            Dataset got = Dataset.load(rows, DataFormat.AUTO, encoder, tokenizer.vocabularySize(), 4096);
            assertThat(got.size()).isEqualTo(ROWS + HARD.size()).isEqualTo(wanted.size());
            for (int i = 0; i < got.size(); i++) {
                assertThat(got.get(i).ids())
                        .as("row %d", i)
                        .isEqualTo(Fixture.ints(wanted.get(i).get("ids")));
                assertThat(got.get(i).labels())
                        .as("row %d", i)
                        .isEqualTo(Fixture.ints(wanted.get(i).get("labels")));
            }
        }
    }

    private List<JsonNode> ask(Path model, Path rows, String trainOn) throws IOException, InterruptedException {
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "LOWRANK_REFERENCE_PYTHON names no Python with transformers");
        Path answer = temporary.resolve("answer.jsonl");
        Path errors = temporary.resolve("errors.txt");
        Process process = new ProcessBuilder(
                        python,
                        "-c",
                        ASK,
                        SharedData.require("oracle/peft_train.py").toString(),
                        model.toString(),
                        rows.toString(),
                        trainOn)
                .redirectOutput(answer.toFile())
                .redirectError(errors.toFile())
                .start();
        assertThat(process.waitFor()).as(() -> readQuietly(errors)).isZero();
        return Files.readAllLines(answer).stream()
                .map(JsonMapper.shared()::readTree)
                .toList();
    }

    private static String readQuietly(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
