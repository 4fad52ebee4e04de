package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Files that the reference implementations wrote. */
class GoldenFilesTest {
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
    void everyAdapterWrittenAgainHasTheSameWeightsAndConfiguration() throws IOException {
        List<Path> folders = adapters();
        assertThat(folders).hasSizeGreaterThan(35);
        Path copy = temporary.resolve("copy");
        Set<Class<?>> kinds = new HashSet<>();
        for (Path folder : folders) {
            try (PeftFolder read = PeftFolder.open(folder)) {
                PeftFolder.write(
                        copy,
                        read.config(),
                        read.keys().stream().map(read::tensor).toList());
                try (PeftFolder again = PeftFolder.open(copy)) {
                    assertThat(again.config()).isEqualTo(read.config());
                    assertThat(again.keys()).isEqualTo(read.keys());
                }
                kinds.add(read.config().getClass());
            }
            assertThat(Files.mismatch(folder.resolve(PeftFolder.WEIGHTS), copy.resolve(PeftFolder.WEIGHTS)))
                    .as(folder.toString())
                    .isEqualTo(-1);
            assertThat(fields(copy)).as(folder.toString()).isEqualTo(fields(folder));
        }
        assertThat(kinds)
                .containsExactlyInAnyOrder(
                        PeftLora.class, PeftIa3.class, PeftPromptTuning.class, PeftPrefixTuning.class);
    }

    private static List<Path> adapters() throws IOException {
        try (Stream<Path> all = Files.walk(SharedData.require("golden"), 2)) {
            return all.filter(f -> Files.exists(f.resolve(PeftFolder.CONFIG)))
                    .sorted()
                    .toList();
        }
    }

    /** The fields of a configuration; PEFT keeps module names in a set, so their order says nothing. */
    private static Map<String, Object> fields(Path folder) {
        Map<String, Object> fields = new TreeMap<>();
        JsonFile.read(folder.resolve(PeftFolder.CONFIG), 1 << 16).forEachEntry((name, value) -> {
            Set<JsonNode> elements = new HashSet<>();
            value.forEach(elements::add);
            fields.put(name, value.isArray() ? elements : value);
        });
        return fields;
    }

    @Test
    void scalesAreThoseThatPeftUsed() {
        Path llama = SharedData.require("golden/llama");
        assertThat(lora(llama.resolve("rslora-r8")).scale("model.layers.0.mlp.up_proj"))
                .isEqualTo(16 / Math.sqrt(8));
        PeftLora patterns = lora(llama.resolve("lora-rank-pattern"));
        assertThat(patterns.rank("model.layers.2.mlp.down_proj")).isEqualTo(2);
        assertThat(patterns.scale("model.layers.2.mlp.down_proj")).isEqualTo(3);
        assertThat(patterns.scale("model.layers.2.self_attn.q_proj")).isEqualTo(2);
        assertThat(lora(llama.resolve("lora-layers-1-2")).modules().targets("model.layers.0.self_attn.q_proj"))
                .isFalse();
        assertThat(lora(llama.resolve("lora-modules-to-save")).modules().saves("lm_head.weight"))
                .isTrue();
    }

    private static PeftLora lora(Path folder) {
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            return (PeftLora) adapter.config();
        }
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
