package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CompareCommandTest {
    private static final Path STARTER = Path.of("../../starter");
    private static final Path BASE = STARTER.resolve("models/lowrank-starter");

    @TempDir
    private Path folder;

    @Test
    void twoVariantsAreTrainedJudgedAndPutIntoATableOnce() throws IOException {
        Path test = rows("test.jsonl", 3);
        String[] command = {
            "compare",
            "--base=" + BASE,
            "--train=" + rows("train.jsonl", 8),
            "--test=" + test,
            "--work=" + folder.resolve("work"),
            "--output=" + folder.resolve("docs/page.md"),
            "--variants=full,qlora-8",
            "--rows=6",
            "--steps=2",
            "--batch=2",
            "--answers=1",
            "--threads=1",
            "--json"
        };
        CommandLineRun ran = run(command);
        assertThat(ran.code()).as(ran.err()).isZero();
        JsonNode figures = JsonMapper.shared().readTree(ran.out());
        assertThat(figures.path("rows").asInt()).isEqualTo(6);
        List<JsonNode> variants = figures.path("variants").valueStream().toList();
        assertThat(variants).extracting(one -> one.path("name").asString()).containsExactly("base", "full", "qlora-8");
        assertThat(variants).allSatisfy(one -> {
            assertThat(one.path("test_loss").asDouble()).isPositive();
            assertThat(one.path("bleu").path("score").asDouble()).isBetween(0.0, 100.0);
        });
        assertThat(variants.get(1).path("test_loss").asDouble())
                .isNotEqualTo(variants.get(0).path("test_loss").asDouble());
        assertThat(variants.get(1).path("checkpoint_bytes").asLong())
                .isGreaterThan(variants.get(2).path("checkpoint_bytes").asLong());
        assertThat(folder.resolve("docs/page.md")).content().contains("| QLoRA, all linear, r 8 |", "page.svg");
        assertThat(folder.resolve("docs/page.svg")).content().endsWith("</svg>\n");

        FileTime written = Files.getLastModifiedTime(folder.resolve("work/full/trained.json"));
        CommandLineRun again = run(command);
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.out()).isEqualTo(ran.out());
        assertThat(again.err()).containsPattern("full fine-tuning .*\\(kept\\)");
        assertThat(Files.getLastModifiedTime(folder.resolve("work/full/trained.json")))
                .isEqualTo(written);
    }

    @Test
    void whatCannotBeComparedIsSaidBeforeAnythingIsTrained() throws IOException {
        Path train = rows("train.jsonl", 4);
        assertThat(compare(train, "--variants=lora-all,nonsense").err())
                .contains("--variants names \"nonsense\"")
                .contains("lora-all-8")
                .hasLineCount(1);
        assertThat(compare(train, "--rate=lora=1").err()).contains("--rate names the kind \"lora\"");
        assertThat(compare(train, "--steps=0").err()).contains("--steps must be at least 1");
        assertThat(compare(train, "--rate=ia3=11").err()).contains("\"training.learning_rate\" is 11");
        Path page = Files.writeString(folder.resolve("mine.md"), "Mine.");
        assertThat(compare(train, "--output=" + page).err()).contains("has no part for the comparison");
        Path broken = Files.writeString(folder.resolve("broken.jsonl"), "{\"messages\": 1}\n");
        assertThat(compare(broken).err())
                .contains("--train has 1 rows that cannot be used")
                .hasLineCount(1);
        assertThat(folder.resolve("work/base")).doesNotExist();
    }

    private CommandLineRun compare(Path train, String... more) throws IOException {
        List<String> common = List.of(
                "compare",
                "--base=" + BASE,
                "--train=" + train,
                "--test=" + rows("test.jsonl", 2),
                "--work=" + folder.resolve("work"));
        CommandLineRun ran = run(Stream.concat(common.stream(), Stream.of(more)).toArray(String[]::new));
        assertThat(ran.code()).isEqualTo(1);
        return ran;
    }

    private Path rows(String name, int count) throws IOException {
        try (Stream<String> lines = Files.lines(STARTER.resolve("data/heldout.jsonl"))) {
            return Files.write(folder.resolve(name), lines.limit(count).toList());
        }
    }

    private static CommandLineRun run(String... args) {
        return CommandLineRun.of(args);
    }
}
