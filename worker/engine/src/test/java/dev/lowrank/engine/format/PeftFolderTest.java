package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

class PeftFolderTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";
    private static final String V = "model.layers.0.self_attn.v_proj";
    private static final String PREFIX = "base_model.model.";
    private static final PeftLora CONFIG =
            PeftLora.plain(PeftModules.listed(List.of("q_proj", "v_proj")), 2, 16, 0.05, "org/base");

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
                        tensor(PeftKey.loraA(V), "2 3", 7, 8, 9, 10, 11, 12),
                        tensor(PeftKey.loraB(V), "1 2", 13, 14),
                        tensor(PeftKey.loraA(Q), "2 3", 1, 2, 3, 4, 5, 6),
                        tensor(PeftKey.loraB(Q), "2 2", -1, -2, -3, -4)));
    }

    private static NamedTensor tensor(PeftKey key, String shape, float... values) {
        long[] extents =
                Arrays.stream(shape.split(" ")).mapToLong(Long::parseLong).toArray();
        return new NamedTensor(key, extents, values);
    }

    /** A tensor of ones. */
    private static NamedTensor ones(PeftKey key, int... shape) {
        float[] values = new float[Arrays.stream(shape).reduce(1, (x, y) -> x * y)];
        Arrays.fill(values, 1);
        return new NamedTensor(key, Arrays.stream(shape).asLongStream().toArray(), values);
    }

    private static List<NamedTensor> plus(List<NamedTensor> tensors, NamedTensor... more) {
        return Stream.concat(tensors.stream(), Arrays.stream(more)).toList();
    }

    private static List<NamedTensor> factors() {
        return List.of(ones(PeftKey.loraA(Q), 2, 3), ones(PeftKey.loraB(Q), 2, 2));
    }

    private String refusal() {
        return Sentences.refusal(() -> PeftFolder.open(folder));
    }

    @Test
    void whatWasWrittenComesBack() {
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            assertThat(adapter.config()).isEqualTo(CONFIG);
            assertThat(CONFIG.scale(Q)).isEqualTo(8);
            assertThat(adapter.parameters()).isEqualTo(18);
            assertThat(adapter.modules()).containsExactly(Q, V);
            assertThat(adapter.shapeA(Q)).containsExactly(2, 3);
            assertThat(adapter.shapeB(V)).containsExactly(1, 2);
            assertThat(adapter.a(Q)).containsExactly(1, 2, 3, 4, 5, 6);
            assertThat(adapter.b(Q)).containsExactly(-1, -2, -3, -4);
            assertThat(adapter.tensor(PeftKey.loraB(V)).values()).containsExactly(13, 14);
            assertThat(adapter.paths(PeftKey.Role.LORA_B)).containsExactly(Q, V);
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
                "peft_type|\"LOHA\"|one of LORA, IA3",
                "peft_type|null|one of LORA, IA3",
                "task_type|\"SEQ_CLS\"|only CAUSAL_LM",
                "bias|\"some\"|one of none, all, lora_only",
                "use_dora|\"yes\"|true or false",
                "use_qalora|true|means an adapter on pooled inputs",
                "use_bdlora|{\"x\":1}|means an adapter with block-diagonal factors",
                "lora_bias|true|means a bias on lora_B",
                "layer_replication|[[0,1]]|means a base with repeated layers",
                "target_parameters|[\"x\"]|sets \"target_parameters\" to [\"x\"], which means adapting a parameter",
                "trainable_token_indices|[1]|means training of single rows of the embedding",
                "alora_invocation_tokens|[1]|means an adapter that starts at certain tokens",
                "arrow_config|{\"top_k\":3}|means routing between adapters",
                "ensure_weight_tying|true|means tying",
                "kasa_config|{\"beta\":1}|sets \"kasa_config\"",
                "megatron_config|{\"x\":1}|sets \"megatron_config\"",
                "monteclora_config|{\"x\":1}|sets \"monteclora_config\"",
                "velora_config|{\"x\":1}|sets \"velora_config\"",
                "a_field_of_next_year|\"on\"|sets \"a_field_of_next_year\" to \"on\", which this version does not know",
                "a_field_of_next_year|0.5|sets \"a_field_of_next_year\" to 0.5",
                "init_lora_weights|\"pissa\"|changes the base model's weights",
                "init_lora_weights|\"pissa_niter_4\"|changes the base model's weights",
                "init_lora_weights|\"olora\"|changes the base model's weights",
                "init_lora_weights|\"loftq\"|changes the base model's weights",
                "init_lora_weights|\"corda\"|changes the base model's weights",
                "init_lora_weights|\"lora_ga\"|changes the base model's weights",
                "init_lora_weights|3|changes the base model's weights",
                "target_modules|\".*(q\"|whose pattern does not close a group at character 5",
                "target_modules|\"(?<=a)q\"|whose pattern uses a kind of group that is not supported",
                "target_modules|[]|a list of module names",
                "target_modules|[1]|a list of module names",
                "target_modules|[\"a b\"]|a list of module names",
                "target_modules|null|a list of module names",
                "exclude_modules|\"all-linear\"|a list of module names",
                "exclude_modules|\"[\"|whose pattern",
                "modules_to_save|\"lm_head\"|a list of module names",
                "modules_to_save|[\".*\"]|a list of module names",
                "layers_to_transform|[-1]|a whole number from 0",
                "layers_to_transform|\"1\"|a whole number from 0",
                "layers_pattern|\"layers\"|which needs layers_to_transform",
                "layers_pattern|\"(h)\"|a list of module names",
                "rank_pattern|[4]|a map from patterns to numbers",
                "rank_pattern|{\"q_proj\":0}|a whole number from 1 to 4096",
                "rank_pattern|{\"q_proj\":1.5}|a whole number from 1 to 4096",
                "rank_pattern|{\"(q\":1}|whose pattern",
                "alpha_pattern|{\"q_proj\":-4}|a positive number",
                "alpha_pattern|{\"q_proj\":\"4\"}|a positive number",
                "r|0|a whole number from 1 to 4096",
                "r|-4|a whole number from 1 to 4096",
                "r|2.5|a whole number from 1 to 4096",
                "r|1000000000000|a whole number from 1 to 4096",
                "r|\"2\"|has r \"2\" where a whole number",
                "r|null|a whole number",
                "lora_alpha|0|a positive number",
                "lora_alpha|1e999|a positive number",
                "lora_alpha|null|a positive number",
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
                "target_modules|\"ALL-LINEAR\"",
                "target_modules|\".*\\\\.[qv]_proj\"",
                "target_modules|[\"model.layers.0.self_attn.q_proj\",\"self_attn.v_proj\",\"none\"]",
                "exclude_modules|[\"k_proj\"]",
                "layers_to_transform|0",
                "layers_to_transform|[]",
                "layers_pattern|\"\"",
                "rank_pattern|{\"k_proj\":8}",
                "alpha_pattern|{\"q_proj\":0.5}",
                "use_rslora|true",
                "bias|\"all\"",
                "init_lora_weights|\"MiCA\"",
                "loftq_config|{\"loftq_bits\":4}",
                "eva_config|{\"rho\":2.0}"
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
        assertThat(refusal()).contains("lora_A.weight\" as [2, 3], whose rank is not the 4");
        set("r", "2");
        set("target_modules", "[\"q_proj\", \"proj\"]");
        assertThat(refusal()).contains(V).contains("do not name that module");
    }

    @Test
    void layersCannotBeChosenOfAPattern() throws IOException {
        set("target_modules", "\"all-linear\"");
        set("layers_to_transform", "[0]");
        assertThat(refusal()).contains("layers_to_transform [0], which needs target_modules to be a list");
    }

    @Test
    void patternThatTakesTooLongIsRefused() throws IOException {
        set("target_modules", '"' + "(" + "(?!.*zz)".repeat(600) + ".)*" + '"');
        assertThat(refusal()).contains("takes too long");
    }

    @ParameterizedTest
    @CsvSource({
        "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector, but use_dora is not set",
        "base_model.model.model.embed_tokens.lora_embedding_A, which adapts an embedding",
        "base_model.model.lm_head.weight, copy of the base's own embedding",
        "base_model.model.lm_head.base_layer.weight, copy of the base's own embedding",
        "base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias, no such bias was trained",
        "base_model.model.model.norm.bias, no such bias was trained",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight, not part of a LoRA adapter",
        "base_model.model.model.layers.0.self_attn.q_proj.lora_A.bias, no such bias was trained",
        "base_model.model.model.layers.0.self_attn.q_proj.ia3_l, not part of a LoRA adapter",
        "model.layers.0.self_attn.q_proj.lora_A.weight, not part of a LoRA adapter",
        "base_model.model..lora_A.weight, not part of a LoRA adapter",
        "base_model.model.lora_A.weight, not part of a LoRA adapter",
        "base_model.model.é.q_proj.lora_A.weight, not part of a LoRA adapter",
        "prompt_embeddings, not part of a LoRA adapter"
    })
    void refusesUnexpectedKeys(String key, String says) {
        putWeights(adapter().add(key, StoredType.F32, new long[] {2, 3}, new float[6]));
        assertThat(refusal()).contains("holds \"").contains(says);
    }

    @Test
    void refusesHalfAPair() {
        putWeights(adapter().add(PREFIX + V + ".lora_B.weight", StoredType.F32, new long[] {1, 2}, new float[2]));
        assertThat(refusal()).contains("lacks \"" + PREFIX + V + ".lora_A.weight\"");
        putWeights(adapter().add(PREFIX + V + ".lora_A.weight", StoredType.F32, new long[] {2, 2}, new float[4]));
        assertThat(refusal()).contains("lacks \"" + PREFIX + V + ".lora_B.weight\"");
    }

    @Test
    void refusesWrongShapesAndTypes() {
        putWeights(new SafetensorsWriter()
                .add(PREFIX + V + ".lora_B.weight", StoredType.F32, new long[] {2, 2, 2}, new float[8]));
        assertThat(refusal()).contains("[2, 2, 2], which is not a matrix");
        putWeights(new SafetensorsWriter()
                .add(PREFIX + V + ".lora_B.weight", StoredType.F32, new long[] {0, 2}, new float[0]));
        assertThat(refusal()).contains("which is empty");
        putWeights(new SafetensorsWriter()
                .addLongs(PREFIX + V + ".lora_B.weight", StoredType.I64, new long[] {2, 2}, new long[4]));
        assertThat(refusal()).contains("as I64, but adapter weights must be");
        putWeights(new SafetensorsWriter());
        assertThat(refusal()).contains("holds no adapted module");
    }

    @Test
    void moduleThatTheBaseHasAndTheAdapterLacksIsNamed() {
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            adapter.requireModules(List.of(Q, V, "model.layers.0.mlp.up_proj"));
            assertThat(Sentences.refusal(
                            () -> adapter.requireModules(List.of(Q, V, "model.layers.1.self_attn.q_proj"))))
                    .contains("lacks the weights for module \"model.layers.1.self_attn.q_proj\"");
        }
    }

    @Test
    void tensorThatIsNotThereIsNamed() {
        try (PeftFolder adapter = PeftFolder.open(folder)) {
            assertThat(Sentences.refusal(() -> adapter.floats(PeftKey.loraA("lm_head"))))
                    .contains("base_model.model.lm_head.lora_A.weight");
        }
    }

    private static PeftLora lora(List<String> saved, PeftLora.Bias bias, boolean dora, Map<String, Integer> ranks) {
        return new PeftLora(
                PeftModules.listed(List.of("q_proj")).saving(saved),
                2,
                1,
                0,
                PeftPatterns.of(ranks),
                PeftPatterns.none(),
                bias,
                true,
                dora,
                true,
                PeftLora.Init.GAUSSIAN,
                null);
    }

    private void assertComesBack(PeftConfig config, List<NamedTensor> tensors) {
        PeftFolder.write(folder, config, tensors);
        try (PeftFolder read = PeftFolder.open(folder)) {
            assertThat(read.config()).isEqualTo(config);
            assertThat(read.keys())
                    .containsExactlyInAnyOrderElementsOf(
                            tensors.stream().map(NamedTensor::key).toList());
            for (NamedTensor tensor : tensors) {
                assertThat(read.shape(tensor.key())).isEqualTo(tensor.shape());
                assertThat(read.floats(tensor.key())).isEqualTo(tensor.values());
            }
        }
    }

    private static void assertNotWritten(PeftConfig config, List<NamedTensor> tensors, String says) {
        assertThatThrownBy(() -> PeftFolder.write(Path.of("never"), config, tensors))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(says);
        assertThat(Path.of("never")).doesNotExist();
    }

    @Test
    void magnitudesOfDoraAreAllThereAndFit() {
        PeftLora dora = lora(List.of(), PeftLora.Bias.NONE, true, Map.of());
        assertComesBack(dora, plus(factors(), ones(PeftKey.magnitude(Q), 2)));
        assertNotWritten(dora, factors(), "lacks \"base_model.model." + Q + ".lora_magnitude_vector\"");
        assertNotWritten(dora, plus(factors(), ones(PeftKey.magnitude(Q), 3)), "where [2] belongs");
        assertNotWritten(dora, plus(factors(), ones(PeftKey.magnitude(Q), 2), ones(PeftKey.magnitude(V), 2)), V);
    }

    @Test
    void ranksOfAPatternHoldForTheirModules() {
        PeftLora config = lora(List.of(), PeftLora.Bias.NONE, false, Map.of("q_proj", 3));
        assertComesBack(config, List.of(ones(PeftKey.loraA(Q), 3, 5), ones(PeftKey.loraB(Q), 4, 3)));
        assertNotWritten(config, factors(), "whose rank is not the 3 of adapter_config.json");
        assertThat(config.scale(Q)).isEqualTo(1 / Math.sqrt(3));
    }

    @Test
    void savedModulesAreAllThereAndNothingElseIs() {
        PeftLora config = lora(List.of("lm_head", "norm"), PeftLora.Bias.NONE, false, Map.of());
        List<NamedTensor> saved = plus(
                factors(), ones(PeftKey.saved("lm_head.weight"), 7, 3), ones(PeftKey.saved("model.norm.weight"), 3));
        assertComesBack(config, saved);
        assertNotWritten(config, saved.subList(0, 3), "holds no tensor of module \"norm\"");
        assertNotWritten(config, plus(saved, ones(PeftKey.saved("model.embed_tokens.weight"), 7, 3)), "embed_tokens");
    }

    @Test
    void biasesAreNamedByWhetherTheirModuleIsAdapted() {
        PeftLora all = lora(List.of(), PeftLora.Bias.ALL, false, Map.of());
        PeftKey ofQ = PeftKey.bias(all, Q);
        PeftKey ofV = PeftKey.bias(all, V);
        assertThat(ofQ.name()).isEqualTo("base_model.model." + Q + ".base_layer.bias");
        assertThat(ofV.name()).isEqualTo("base_model.model." + V + ".bias");
        assertComesBack(all, plus(factors(), ones(ofQ, 2), ones(ofV, 5)));
        PeftLora adapted = lora(List.of(), PeftLora.Bias.ADAPTED, false, Map.of());
        assertComesBack(adapted, plus(factors(), ones(ofQ, 2)));
        assertNotWritten(adapted, plus(factors(), ones(ofV, 5)), "no such bias was trained");
        assertNotWritten(all, plus(factors(), ones(ofQ, 3)), "where [2] belongs");
        assertNotWritten(all, plus(factors(), ones(ofV, 5, 1)), "not a row of numbers");
        assertNotWritten(all, plus(factors(), ones(new PeftKey(PeftKey.Role.BIAS, Q), 2)), "no such bias");
        PeftLora both = lora(List.of("mlp"), PeftLora.Bias.ALL, false, Map.of());
        NamedTensor saved = ones(PeftKey.saved("h.mlp.c_fc.bias"), 2);
        assertComesBack(both, plus(factors(), saved));
        assertNotWritten(both, plus(factors(), ones(PeftKey.bias(both, "h.mlp.c_fc"), 2)), "another part (SAVED)");
        assertNotWritten(
                both,
                plus(factors(), saved, ones(new PeftKey(PeftKey.Role.BIAS, "h.mlp.original_module.c_fc"), 2)),
                "original_module");
    }

    @Test
    void vectorsOfIa3LieByWhatTheyMultiply() throws IOException {
        PeftIa3 config = new PeftIa3(
                PeftModules.listed(List.of("k_proj", "down_proj")).saving(List.of("lm_head")),
                new PeftTargets.Listed(List.of("down_proj")),
                true,
                "b");
        NamedTensor head = ones(PeftKey.saved("lm_head.weight"), 3, 2);
        NamedTensor key = ones(PeftKey.ia3("l.0.k_proj"), 4, 1);
        NamedTensor down = ones(PeftKey.ia3("l.0.down_proj"), 1, 6);
        assertComesBack(config, List.of(head, key, down));
        assertNotWritten(config, List.of(head, ones(key.key(), 1, 4)), "it belongs as [out, 1]");
        assertNotWritten(config, List.of(head, ones(down.key(), 6, 1)), "it belongs as [1, in]");
        assertNotWritten(config, List.of(head, ones(PeftKey.ia3("l.0.q_proj"), 4, 1)), "do not name that module");
        assertNotWritten(config, List.of(head), "holds no adapted module");
        assertNotWritten(config, List.of(key), "holds no tensor of module \"lm_head\"");
        assertNotWritten(config, List.of(head, key, ones(PeftKey.loraA("l.0.k_proj"), 1, 1)), "not part of a IA3");
        set("feedforward_modules", "null");
        assertThat(refusal()).contains("feedforward_modules null where a list of module names");
        set("feedforward_modules", "[\"up_proj\"]");
        assertThat(refusal()).contains("a part of target_modules");
        set("feedforward_modules", "\"all-linear\"");
        assertThat(refusal()).contains("a list of module names");
        set("feedforward_modules", "\".*down_proj\"");
        PeftFolder.open(folder).close();
        assertComesBack(new PeftIa3(PeftModules.listed(List.of("k_proj")), null, false, null), List.of(key));
    }

    @Test
    void tableOfPromptTuningHasItsShape() throws IOException {
        PeftPromptTuning config = new PeftPromptTuning(3, 4, 2, 2, "b");
        assertComesBack(config, List.of(ones(PeftKey.PROMPT, 3, 4)));
        assertNotWritten(config, List.of(ones(PeftKey.PROMPT, 4, 3)), "where [3, 4] belongs");
        assertNotWritten(config, List.of(), "lacks \"prompt_embeddings\"");
        assertNotWritten(config, List.of(ones(PeftKey.loraA(Q), 1, 1)), "not part of a prompt tuning adapter");
        set("num_transformer_submodules", "2");
        assertThat(refusal()).contains("a whole number from 1 to 1");
        set("num_transformer_submodules", "null");
        set("modules_to_save", "[\"lm_head\"]");
        assertThat(refusal()).contains("means modules stored whole beside virtual tokens");
        set("modules_to_save", "[]");
        set("task_type", "null");
        assertThat(refusal()).contains("task_type null, but only CAUSAL_LM");
    }

    @Test
    void tableOfPrefixTuningHasItsShape() throws IOException {
        PeftPrefixTuning config = new PeftPrefixTuning(3, 2, 2, 8, "b");
        assertComesBack(config, List.of(ones(PeftKey.PROMPT, 3, 32)));
        assertNotWritten(config, List.of(ones(PeftKey.PROMPT, 3, 8)), "where [3, 32] belongs");
        set("token_dim", "9");
        assertThat(refusal()).contains("a multiple of num_attention_heads");
        set("token_dim", "8");
        set("num_layers", "2000000000");
        assertThat(refusal()).contains("a whole number from 1 to");
        set("num_layers", "2");
        set("prefix_projection", "true");
        assertThat(refusal()).contains("set it to false, since the table is stored already projected");
    }

    @Test
    void bottleneckHasEveryPartOfEveryPlace() throws IOException {
        PeftBottleneck config =
                new PeftBottleneck(2, 3, 2, PeftBottleneck.Activation.GELU, PeftBottleneck.Placement.HOULSBY, "b");
        List<NamedTensor> all = config.places().stream()
                .flatMap(place -> Stream.of(
                        ones(new PeftKey(PeftKey.Role.DOWN_WEIGHT, place), 2, 3),
                        ones(new PeftKey(PeftKey.Role.DOWN_BIAS, place), 2),
                        ones(new PeftKey(PeftKey.Role.UP_WEIGHT, place), 3, 2),
                        ones(new PeftKey(PeftKey.Role.UP_BIAS, place), 3)))
                .toList();
        assertThat(all).hasSize(16);
        assertThat(all.getFirst().key().name()).isEqualTo("layers.0.attention.down.weight");
        assertComesBack(config, all);
        assertThat(Files.readString(folder.resolve("adapter_config.json"))).isEqualTo("""
                {
                  "activation": "gelu",
                  "base_model_name_or_path": "b",
                  "bottleneck_size": 2,
                  "format_version": 1,
                  "hidden_size": 3,
                  "num_layers": 2,
                  "peft_type": "LOWRANK_BOTTLENECK",
                  "placement": "houlsby",
                  "task_type": "CAUSAL_LM"
                }""");
        assertNotWritten(config, all.subList(1, 16), "lacks \"layers.0.attention.down.weight\"");
        assertNotWritten(
                config, plus(all, ones(new PeftKey(PeftKey.Role.UP_BIAS, "layers.2.mlp"), 3)), "which no layer");
        set("placement", "\"pfeiffer\"");
        assertThat(refusal()).contains("attention.down.bias\" as [2], which no layer or placement");
        set("placement", "\"everywhere\"");
        assertThat(refusal()).contains("one of houlsby, pfeiffer");
        set("placement", "\"houlsby\"");
        set("activation", "null");
        assertThat(refusal()).contains("one of relu, gelu, silu, tanh");
        set("activation", "\"gelu\"");
        set("bottleneck_size", "3");
        assertThat(refusal()).contains("where [3] belongs");
        set("format_version", "2");
        assertThat(refusal()).contains("format_version 2");
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
        assertNotWritten(
                CONFIG, List.of(ones(PeftKey.loraA(Q), 1, 3), ones(PeftKey.loraB(Q), 2, 1)), "whose rank is not");
        assertNotWritten(CONFIG, List.of(ones(PeftKey.loraA("model.k_proj"), 2, 1)), "do not name that module");
    }

    @Test
    void numbersAndNamesAreWrittenAsPeftWritesThem() {
        PeftLora odd = PeftLora.plain(PeftModules.of(new PeftTargets.AllLinear()), 2, 0.75, 0, null);
        JsonNode json = JsonMapper.shared().readTree(odd.toJson());
        assertThat(json.path("lora_alpha").doubleValue()).isEqualTo(0.75);
        assertThat(json.path("target_modules").stringValue()).isEqualTo("all-linear");
        assertThat(json.path("base_model_name_or_path").isNull()).isTrue();
        assertThat(json.path("init_lora_weights").booleanValue()).isTrue();
        PeftLora other = lora(List.of("b", "a"), PeftLora.Bias.ADAPTED, true, Map.of("q_proj", 3));
        JsonNode rest = JsonMapper.shared().readTree(other.toJson());
        assertThat(rest.path("rank_pattern").toString()).isEqualTo("{\"q_proj\":3}");
        assertThat(rest.path("modules_to_save").toString()).isEqualTo("[\"a\",\"b\"]");
        assertThat(rest.path("bias").stringValue()).isEqualTo("lora_only");
        assertThat(rest.path("init_lora_weights").stringValue()).isEqualTo("gaussian");
        assertThat(rest.path("fan_in_fan_out").booleanValue()).isTrue();
    }

    @Test
    void valuesThatMakeNoAdapterCannotBeGiven() {
        PeftModules modules = PeftModules.listed(List.of("q_proj"));
        for (Runnable wrong : List.<Runnable>of(
                () -> PeftLora.plain(modules, 0, 1, 0, null),
                () -> PeftLora.plain(modules, 1, Double.NaN, 0, null),
                () -> PeftLora.plain(modules, 1, 1, 1, null),
                () -> lora(List.of(), PeftLora.Bias.NONE, false, Map.of("q_proj", -1)),
                () -> new PeftPromptTuning(0, 1, 1, 1, null),
                () -> new PeftPrefixTuning(1, 1, 2, 3, null),
                () -> new PeftBottleneck(
                        0, 1, 1, PeftBottleneck.Activation.RELU, PeftBottleneck.Placement.PFEIFFER, null),
                () -> ones(PeftKey.PROMPT, 2, 0))) {
            assertThatThrownBy(wrong::run).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
