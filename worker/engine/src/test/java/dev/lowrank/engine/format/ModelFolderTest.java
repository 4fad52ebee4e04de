package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFolderTest {
    private static final String TWO_SHARDS = """
            {"metadata": {"total_size": 20},
             "weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors",
                            "norm.weight": "model-00001-of-00002.safetensors"}}""";

    @TempDir
    Path temporary;

    private Path folder;

    @BeforeEach
    void createFolder() throws IOException {
        folder = Files.createDirectory(temporary.resolve("base"));
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\"}");
    }

    private void putTensor(String file, String name, float... values) {
        new SafetensorsWriter()
                .metadata("format", "pt")
                .add(name, StoredType.BF16, new long[] {values.length}, values)
                .write(folder.resolve(file));
    }

    private void putShards() throws IOException {
        putTensor("model-00001-of-00002.safetensors", "norm.weight", 1, 2);
        putTensor("model-00002-of-00002.safetensors", "lm_head.weight", 3, 4, 5);
        Files.writeString(folder.resolve("model.safetensors.index.json"), TWO_SHARDS);
    }

    private String refusal() {
        return Sentences.refusal(() -> ModelFolder.open(folder));
    }

    @Test
    void readsOneFile() {
        putTensor("model.safetensors", "norm.weight", 1, 2);
        try (ModelFolder model = ModelFolder.open(folder)) {
            assertThat(model.config().path("model_type").stringValue()).isEqualTo("llama");
            assertThat(model.tensorNames()).containsExactly("norm.weight");
            assertThat(model.info("norm.weight").toString()).isEqualTo("norm.weight BF16 [2]");
            assertThat(model.floats("norm.weight")).containsExactly(1, 2);
            assertThat(model.bytes("norm.weight").byteSize()).isEqualTo(4);
            assertThat(model.parameters()).isEqualTo(2);
            assertThat(Sentences.refusal(() -> model.floats("no.weight")))
                    .contains("base holds no tensor \"no.weight\"");
        }
    }

    @Test
    void readsShardsNamedByTheIndex() throws IOException {
        putShards();
        ModelFolder model = ModelFolder.open(folder);
        assertThat(model.tensorNames()).containsExactlyInAnyOrder("lm_head.weight", "norm.weight");
        assertThat(model.floats("norm.weight")).containsExactly(1, 2);
        assertThat(model.floats("lm_head.weight")).containsExactly(3, 4, 5);
        assertThat(model.parameters()).isEqualTo(5);
        model.close();
        assertThatThrownBy(() -> model.floats("norm.weight")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> model.floats("lm_head.weight")).isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x.safetensors",
                "..\\\\x.safetensors",
                "/etc/x.safetensors",
                "sub/x.safetensors",
                "./x.safetensors",
                "..safetensors",
                ".safetensors",
                ".hidden.safetensors",
                "C:x.safetensors",
                "x.safetensors\\u0000",
                "x.safetensors\\n",
                "x.safetensors/",
                "x.safetensors/../../y.safetensors",
                "%2e%2e%2fx.safetensors",
                "~/x.safetensors",
                "pytorch_model.bin",
                ""
            })
    void refusesShardsThatAreNotPlainFilesOfTheFolder(String shard) throws IOException {
        putShards();
        Files.copy(folder.resolve("model-00001-of-00002.safetensors"), temporary.resolve("x.safetensors"));
        Files.writeString(
                folder.resolve("model.safetensors.index.json"),
                "{\"weight_map\": {\"norm.weight\": \"%s\"}}".formatted(shard));
        assertThat(refusal()).contains("not the plain name of a safetensors file in this folder");
    }

    @Test
    void refusesAnIndexThatDoesNotFitTheShards() throws IOException {
        putShards();
        Path index = folder.resolve("model.safetensors.index.json");
        Files.writeString(index, TWO_SHARDS.replace("norm.weight", "other.weight"));
        assertThat(refusal()).contains("says that tensor \"other.weight\" is in \"model-00001-of-00002.safetensors\"");
        Files.writeString(index, TWO_SHARDS.replace("model-00002-of-00002", "model-00003-of-00003"));
        assertThat(refusal()).contains("model-00003-of-00003.safetensors is missing");
        Files.writeString(index, "{\"weight_map\": {\"a\": 1}}");
        assertThat(refusal()).contains("places tensor \"a\" in 1, which");
        Files.writeString(index, "{\"weight_map\": {}}");
        assertThat(refusal()).contains("no weight_map");
        Files.writeString(index, "[]");
        assertThat(refusal()).contains("no weight_map");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"x.safetensors\", \"a\": \"y.safetensors\"}}");
        assertThat(refusal()).contains("a key twice");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "model.pt", "consolidated.00.pth"})
    void refusesPickle(String name) throws IOException {
        Files.write(folder.resolve(name), new byte[] {(byte) 0x80, 2});
        assertThat(refusal()).contains("as a pickle (\"" + name + "\")").contains("convert it to safetensors");
    }

    @Test
    void pickleBesideSafetensorsIsLeftAlone() throws IOException {
        putTensor("model.safetensors", "norm.weight", 1);
        Files.write(folder.resolve("pytorch_model.bin"), new byte[] {(byte) 0x80, 2});
        ModelFolder.open(folder).close();
    }

    @Test
    void refusesWhatIsNoModelFolder() throws IOException {
        assertThat(refusal()).contains("holds no model.safetensors");
        Files.delete(folder.resolve("config.json"));
        assertThat(refusal()).contains("holds no config.json");
        Files.writeString(folder.resolve("x-Q4_K_M.gguf"), "GGUF");
        assertThat(refusal()).contains("holds a GGUF file");
        assertThat(Sentences.refusal(() -> ModelFolder.open(folder.resolve("x-Q4_K_M.gguf"))))
                .contains("is a GGUF file");
        Files.writeString(folder.resolve("adapter_config.json"), "{}");
        assertThat(refusal()).contains("is an adapter folder");
        assertThat(Sentences.refusal(() -> ModelFolder.open(folder.resolve("adapter_config.json"))))
                .contains("is a file");
        assertThat(Sentences.refusal(() -> ModelFolder.open(temporary.resolve("none"))))
                .contains("none is missing");
        Files.writeString(folder.resolve("config.json"), "[]");
        assertThat(refusal()).contains("config.json is not a JSON object");
    }

    @Test
    void digestFollowsConfigWeightsAndTokenizerOnly() throws IOException {
        putTensor("model.safetensors", "norm.weight", 1, 2);
        String first = digest();
        assertThat(first).matches("[0-9a-f]{64}").isEqualTo(digest());
        Files.writeString(folder.resolve("README.md"), "hello");
        assertThat(digest()).isEqualTo(first);
        Files.writeString(folder.resolve("tokenizer.json"), "{}");
        String second = digest();
        assertThat(second).isNotEqualTo(first);
        putTensor("model.safetensors", "norm.weight", 1, 3);
        String third = digest();
        assertThat(third).isNotIn(first, second);
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"qwen3\"}");
        assertThat(digest()).isNotIn(first, second, third);
    }

    private String digest() {
        try (ModelFolder model = ModelFolder.open(folder)) {
            return model.sha256();
        }
    }
}
