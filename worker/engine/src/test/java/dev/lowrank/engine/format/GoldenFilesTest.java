package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
