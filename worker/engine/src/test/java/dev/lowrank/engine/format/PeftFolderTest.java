package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class PeftFolderTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final String V = "model.layers.0.self_attn.v_proj";
    private static final String PREFIX = "base_model.model.";
    private static final PeftConfig CONFIG =
            new PeftConfig(2, 16, 0.05, List.of("q_proj", "v_proj"), "org/base", false);

    @TempDir
    Path temporary;

    private Path folder;

    @BeforeEach
    void writeAdapter() {
        folder = temporary.resolve("adapter");
        PeftFolder.write(
                folder,
                CONFIG,
                List.of(
                        new AdapterWeights(V, 2, 3, 1, new float[] {7, 8, 9, 10, 11, 12}, new float[] {13, 14}),
                        new AdapterWeights(Q, 2, 3, 2, new float[] {1, 2, 3, 4, 5, 6}, new float[] {-1, -2, -3, -4})));
    }

    private String refusal() {
        return Sentences.refusal(() -> PeftFolder.open(folder));
    }

    @Test
    void whatWasWrittenComesBack() {
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            assertThat(adapter.config()).isEqualTo(CONFIG);
            assertThat(adapter.config().scale()).isEqualTo(8);
            assertThat(adapter.modules()).containsExactly(Q, V);
            assertThat(adapter.shapeA(Q)).containsExactly(2, 3);
            assertThat(adapter.shapeB(V)).containsExactly(1, 2);
            assertThat(adapter.a(Q)).containsExactly(1, 2, 3, 4, 5, 6);
            assertThat(adapter.b(Q)).containsExactly(-1, -2, -3, -4);
            assertThat(adapter.weights(V).out()).isEqualTo(1);
            assertThat(adapter.weights(V).b()).containsExactly(13, 14);
        }
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("adapter_model.safetensors"))) {
            assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
            assertThat(file.tensors().keySet())
                    .containsExactly(
                            PREFIX + Q + ".lora_A.weight",
                            PREFIX + Q + ".lora_B.weight",
                            PREFIX + V + ".lora_A.weight",
                            PREFIX + V + ".lora_B.weight");
        }
    }

    @Test
    void configurationIsWrittenAsPeftWritesIt() throws IOException {
        assertThat(Files.readString(folder.resolve("adapter_config.json")))
                .startsWith("{\n  \"alora_invocation_tokens\": null,\n  \"alpha_pattern\": {},\n")
                .contains("\n  \"lora_alpha\": 16,\n", "\n  \"lora_dropout\": 0.05,\n")
                .contains("\n  \"target_modules\": [\n    \"q_proj\",\n    \"v_proj\"\n  ],\n")
                .endsWith("\n  \"velora_config\": null\n}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "peft_type|\"IA3\"|supports only LORA",
                "peft_type|null|supports only LORA",
                "task_type|\"SEQ_CLS\"|supports only CAUSAL_LM",
                "bias|\"all\"|supports only none",
                "bias|\"lora_only\"|supports only none",
                "use_dora|true|sets \"use_dora\" to true",
                "use_rslora|true|sets \"use_rslora\" to true",
                "use_qalora|true|sets \"use_qalora\"",
                "use_bdlora|{\"x\":1}|sets \"use_bdlora\"",
                "lora_bias|true|sets \"lora_bias\"",
                "rank_pattern|{\"q_proj\":4}|sets \"rank_pattern\" to {\"q_proj\":4}",
                "alpha_pattern|{\"q_proj\":4}|sets \"alpha_pattern\"",
                "modules_to_save|[\"lm_head\"]|sets \"modules_to_save\" to [\"lm_head\"]",
                "layers_to_transform|[1]|sets \"layers_to_transform\"",
                "layers_to_transform|0|sets \"layers_to_transform\"",
                "layer_replication|[[0,1]]|sets \"layer_replication\"",
                "target_parameters|[\"x\"]|sets \"target_parameters\"",
                "trainable_token_indices|[1]|sets \"trainable_token_indices\"",
                "alora_invocation_tokens|[1]|sets \"alora_invocation_tokens\"",
                "a_field_of_next_year|\"on\"|sets \"a_field_of_next_year\" to \"on\"",
                "a_field_of_next_year|0.5|sets \"a_field_of_next_year\" to 0.5",
                "init_lora_weights|\"pissa\"|changes the base model's weights",
                "init_lora_weights|\"olora\"|changes the base model's weights",
                "init_lora_weights|\"loftq\"|changes the base model's weights",
                "target_modules|\".*(q.v)_proj\"|as the pattern",
                "target_modules|[]|a list of module names",
                "target_modules|[1]|a list of module names",
                "target_modules|null|a list of module names",
                "r|0|a whole number from 1 to 4096",
                "r|-4|a whole number from 1 to 4096",
                "r|2.5|a whole number from 1 to 4096",
                "r|1000000000000|a whole number from 1 to 4096",
                "r|\"2\"|has r \"2\" where a number belongs",
                "r|null|a number",
                "lora_alpha|0|a positive number",
                "lora_alpha|1e999|a number",
                "lora_alpha|null|a number",
                "lora_dropout|1|less than 1",
                "fan_in_fan_out|\"yes\"|true or false",
                "base_model_name_or_path|7|a text or null"
            })
    void refusesWhatWouldChangeTheNumbers(String field, String value, String says) throws IOException {
        set(field, value);
        assertThat(refusal()).contains("adapter/adapter_config.json").contains(says);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "a_field_of_next_year|null",
                "a_field_of_next_year|false",
                "a_field_of_next_year|[]",
                "a_field_of_next_year|{}",
                "a_field_of_next_year|\"\"",
                "peft_version|\"0.99.0\"",
                "inference_mode|false",
                "revision|\"main\"",
                "auto_mapping|{\"base_model_class\":\"X\"}",
                "init_lora_weights|\"gaussian\"",
                "init_lora_weights|false",
                "task_type|null",
                "base_model_name_or_path|null",
                "fan_in_fan_out|true",
                "target_modules|\"all-linear\"",
                "target_modules|[\"model.layers.0.self_attn.q_proj\",\"self_attn.v_proj\",\"none\"]"
            })
    void acceptsWhatChangesNothing(String field, String value) throws IOException {
        set(field, value);
        PeftFolder.open(folder).close();
    }

    private void set(String field, String value) throws IOException {
        Path file = folder.resolve("adapter_config.json");
        JsonMapper mapper = JsonMapper.shared();
        ObjectNode root = (ObjectNode) mapper.readTree(Files.readString(file));
        root.remove(field);
        String others = root.toString();
        Files.writeString(file, "{\"%s\":%s,%s".formatted(field, value, others.substring(1)));
    }

    @Test
    void refusesWeightsThatDoNotFitTheConfiguration() throws IOException {
        set("r", "4");
        assertThat(refusal()).contains("lora_A.weight\" as F32 [2, 3], whose rank is not the r=4");
        set("r", "2");
        set("target_modules", "[\"q_proj\", \"proj\"]");
        assertThat(refusal()).contains(V).contains("do not name that module");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector",
                "base_model.model.model.embed_tokens.lora_embedding_A",
                "base_model.model.lm_head.weight",
                "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight",
                "base_model.model.model.layers.0.self_attn.q_proj.lora_A.bias",
                "model.layers.0.self_attn.q_proj.lora_A.weight",
                "base_model.model..lora_A.weight",
                "base_model.model.lora_A.weight",
                "prompt_embeddings"
            })
    void refusesUnexpectedKeys(String key) {
        putWeights(adapter().add(key, StoredType.F32, new long[] {2, 3}, new float[6]));
        assertThat(refusal()).contains("holds \"").contains("not part of a plain LoRA adapter");
    }

    @Test
    void refusesHalfAPair() {
        putWeights(adapter().add(PREFIX + V + ".lora_B.weight", StoredType.F32, new long[] {1, 2}, new float[2]));
        assertThat(refusal()).contains("only one of lora_A and lora_B for module \"" + V + "\"");
    }

    @Test
    void refusesWrongShapesAndTypes() {
        putWeights(new SafetensorsWriter()
                .add(PREFIX + V + ".lora_B.weight", StoredType.F32, new long[] {2, 2, 2}, new float[8]));
        assertThat(refusal()).contains("[2, 2, 2], which is not a matrix");
        putWeights(new SafetensorsWriter()
                .add(PREFIX + V + ".lora_B.weight", StoredType.F32, new long[] {0, 2}, new float[0]));
        assertThat(refusal()).contains("not a matrix");
        putWeights(new SafetensorsWriter()
                .addLongs(PREFIX + V + ".lora_B.weight", StoredType.I64, new long[] {2, 2}, new long[4]));
        assertThat(refusal()).contains("as I64 [2, 2], but adapter weights must be");
        putWeights(new SafetensorsWriter());
        assertThat(refusal()).contains("holds no adapted module");
    }

    @Test
    void halfPrecisionWeightsAreRead() {
        putWeights(new SafetensorsWriter()
                .add(PREFIX + Q + ".lora_A.weight", StoredType.BF16, new long[] {2, 1}, new float[] {0.5f, 2})
                .add(PREFIX + Q + ".lora_B.weight", StoredType.F16, new long[] {1, 2}, new float[] {3, -4}));
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            assertThat(adapter.a(Q)).containsExactly(0.5f, 2);
            assertThat(adapter.b(Q)).containsExactly(3, -4);
        }
    }

    private static SafetensorsWriter adapter() {
        return new SafetensorsWriter()
                .add(PREFIX + Q + ".lora_A.weight", StoredType.F32, new long[] {2, 3}, new float[6])
                .add(PREFIX + Q + ".lora_B.weight", StoredType.F32, new long[] {2, 2}, new float[4]);
    }

    private void putWeights(SafetensorsWriter writer) {
        writer.write(folder.resolve("adapter_model.safetensors"));
    }

    @Test
    void refusesWhatIsNoAdapterFolder() throws IOException {
        Files.delete(folder.resolve("adapter_model.safetensors"));
        assertThat(refusal()).contains("holds no adapter_model.safetensors");
        Files.write(folder.resolve("adapter_model.bin"), new byte[] {(byte) 0x80, 2});
        assertThat(refusal()).contains("as a pickle (adapter_model.bin)");
        Files.delete(folder.resolve("adapter_config.json"));
        assertThat(refusal()).contains("holds no adapter_config.json");
        Files.writeString(folder.resolve("config.json"), "{}");
        assertThat(refusal()).contains("is a model folder");
        assertThat(Sentences.refusal(() -> PeftFolder.open(folder.resolve("config.json"))))
                .contains("is a file");
        assertThat(Sentences.refusal(() -> PeftFolder.open(temporary.resolve("none"))))
                .contains("is missing");
    }

    @Test
    void weightsOfAnotherRankOrModuleAreNotWritten() {
        AdapterWeights rankOne = new AdapterWeights(Q, 1, 3, 2, new float[3], new float[2]);
        AdapterWeights unnamed = new AdapterWeights("model.k_proj", 2, 1, 1, new float[2], new float[2]);
        for (AdapterWeights wrong : List.of(rankOne, unnamed)) {
            assertThatThrownBy(() -> PeftFolder.write(temporary.resolve("new"), CONFIG, List.of(wrong)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(temporary.resolve("new")).doesNotExist();
    }

    @Test
    void alphaThatIsNotWholeComesBack() {
        PeftConfig odd = new PeftConfig(2, 0.75, 0, List.of("all-linear"), null, false);
        JsonNode json = JsonMapper.shared().readTree(odd.toJson());
        assertThat(json.path("lora_alpha").doubleValue()).isEqualTo(0.75);
        assertThat(json.path("target_modules").stringValue()).isEqualTo("all-linear");
        assertThat(json.path("base_model_name_or_path").isNull()).isTrue();
    }
}
