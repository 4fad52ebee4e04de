package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that the reference implementations wrote. */
class GoldenFilesTest {
    private static final Set<String> PLAIN =
            Set.of("lora-attention-r4", "lora-all-linear-r8", "qlora-all-linear-r8", "lora-bias-free-r1", "dpo-r4");

    @TempDir
    Path temporary;

    @Test
    void everyReferenceFileWrittenAgainHasTheSameBytes() throws IOException {
        Path golden = SharedData.require("golden");
        List<Path> files;
        try (Stream<Path> all = Files.walk(golden)) {
            files = all.filter(f -> f.toString().endsWith(".safetensors")).toList();
        }
        assertThat(files).hasSizeGreaterThan(100);
        Path copy = temporary.resolve("copy.safetensors");
        for (Path file : files) {
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                SafetensorsWriter writer = new SafetensorsWriter();
                read.metadata().forEach(writer::metadata);
                read.tensors()
                        .values()
                        .forEach(t -> writer.addBytes(t.name(), t.dtype(), t.shape(), () -> read.bytes(t.name())));
                writer.write(copy);
            }
            assertThat(Files.mismatch(file, copy)).as(file.toString()).isEqualTo(-1);
        }
    }

    @Test
    void everyPlainAdapterWrittenAgainHasTheSameWeightsAndConfiguration() throws IOException {
        Path golden = SharedData.require("golden");
        List<Path> folders;
        try (Stream<Path> all = Files.walk(golden, 2)) {
            folders = all.filter(f -> Files.exists(f.resolve(PeftFolder.CONFIG)))
                    .filter(f -> PLAIN.contains(f.getFileName().toString()))
                    .sorted()
                    .toList();
        }
        assertThat(folders).hasSizeGreaterThan(25);
        Path copy = temporary.resolve("copy");
        for (Path folder : folders) {
            try (PeftFolder read = PeftFolder.open(folder)) {
                PeftFolder.write(
                        copy,
                        read.config(),
                        read.modules().stream().map(read::weights).toList());
            }
            assertThat(Files.mismatch(folder.resolve(PeftFolder.WEIGHTS), copy.resolve(PeftFolder.WEIGHTS)))
                    .as(folder.toString())
                    .isEqualTo(-1);
            assertThat(JsonFile.read(copy.resolve(PeftFolder.CONFIG), 1 << 16))
                    .as(folder.toString())
                    .isEqualTo(JsonFile.read(folder.resolve(PeftFolder.CONFIG), 1 << 16));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "dora-r4, use_dora",
        "rslora-r8, use_rslora",
        "ia3, supports only LORA",
        "prefix-tuning, supports only LORA",
        "prompt-tuning, supports only LORA",
        "lora-rank-pattern, alpha_pattern",
        "lora-layers-1-2, layers_to_transform",
        "lora-modules-to-save, modules_to_save"
    })
    void adapterThatIsNotPlainIsRefused(String folder, String says) {
        Path adapter = SharedData.require("golden/llama").resolve(folder);
        assertThat(Sentences.refusal(() -> PeftFolder.open(adapter))).contains(says);
    }

    @Test
    void everyReferenceModelOpens() throws IOException {
        try (Stream<Path> families = Files.list(SharedData.require("golden"))) {
            List<Path> models =
                    families.map(f -> f.resolve("model")).filter(Files::exists).toList();
            assertThat(models).hasSizeGreaterThan(10);
            for (Path folder : models) {
                try (ModelFolder model = ModelFolder.open(folder)) {
                    for (String name : model.tensorNames()) {
                        assertThat(model.floats(name))
                                .hasSize((int) model.info(name).count());
                    }
                    assertThat(model.sha256()).hasSize(64);
                }
            }
        }
    }

    @Test
    void smallEnglishModelReadsAsNumbers() {
        try (ModelFolder model = ModelFolder.open(SharedData.require("real/tiny-english"))) {
            assertThat(model.config().path("hidden_size").intValue()).isEqualTo(256);
            assertThat(model.info("model.embed_tokens.weight").dtype()).isEqualTo(StoredType.BF16);
            assertThat(model.info("model.embed_tokens.weight").shape()).containsExactly(4096, 256);
            float[] values = model.floats("model.embed_tokens.weight");
            double sum = 0;
            for (float value : values) {
                assertThat(Float.isFinite(value)).isTrue();
                sum += (double) value * value;
            }
            assertThat(Math.sqrt(sum / values.length)).isBetween(0.001, 1.0);
            assertThat(model.parameters()).isBetween(5_000_000L, 6_000_000L);
        }
    }
}
