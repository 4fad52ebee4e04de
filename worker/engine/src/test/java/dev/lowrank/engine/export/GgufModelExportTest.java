package dev.lowrank.engine.export;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.GgufFile;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.Sentences;
import dev.lowrank.engine.format.StoredType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufModelExportTest {
    @TempDir
    Path temporary;

    private Path output() {
        return temporary.resolve("model.gguf");
    }

    private ExportReport export(Path model) {
        return GgufModelExport.write(model, output(), null, false);
    }

    @Test
    void tinyLlamaHasTheKeysAndTensorsLlamaCppReads() throws IOException {
        ExportReport report = export(TinyModels.llama());
        assertThat(report.type()).isEqualTo(GgufType.BF16);
        assertThat(report.bytes()).isEqualTo(Files.size(output()));
        try (GgufFile file = GgufFile.open(output());
                ModelFolder model = ModelFolder.open(TinyModels.llama())) {
            Expectation.check(model, file, 0);
            assertThat(file.metadata())
                    .containsEntry("general.architecture", GgufValue.text("llama"))
                    .containsEntry("general.type", GgufValue.text("model"))
                    .containsEntry("general.file_type", GgufValue.u32(32))
                    .containsEntry("llama.vocab_size", GgufValue.u32(96))
                    .containsEntry("llama.context_length", GgufValue.u32(64))
                    .containsEntry("llama.embedding_length", GgufValue.u32(32))
                    .containsEntry("llama.block_count", GgufValue.u32(2))
                    .containsEntry("llama.feed_forward_length", GgufValue.u32(72))
                    .containsEntry("llama.attention.head_count", GgufValue.u32(4))
                    .containsEntry("llama.attention.head_count_kv", GgufValue.u32(2))
                    .containsEntry("llama.attention.key_length", GgufValue.u32(8))
                    .containsEntry("llama.attention.layer_norm_rms_epsilon", GgufValue.f32(1e-5))
                    .containsEntry("llama.rope.dimension_count", GgufValue.u32(8))
                    .containsEntry("llama.rope.freq_base", GgufValue.f32(10_000))
                    .containsEntry("tokenizer.ggml.model", GgufValue.text("none"))
                    .doesNotContainKey("llama.rope.scaling.type");
            assertThat(file.tensors()).doesNotContainKey("output.weight");
        }
    }

    @ParameterizedTest
    @EnumSource(GgufType.class)
    void matricesAreStoredAsAskedAndVectorsStayWhole(GgufType type) {
        GgufModelExport.write(TinyModels.llama(), output(), type, false);
        double allowed = type == GgufType.F16 ? 0x1p-11 : 0;
        try (GgufFile file = GgufFile.open(output());
                ModelFolder model = ModelFolder.open(TinyModels.llama())) {
            assertThat(file.tensor("blk.0.attn_q.weight").type()).isEqualTo(type);
            assertThat(file.tensor("blk.0.attn_norm.weight").type()).isEqualTo(GgufType.F32);
            // 72 columns are no multiple of 32.
            assertThat(file.tensor("blk.0.ffn_down.weight").type())
                    .isEqualTo(type == GgufType.Q8_0 ? GgufType.F16 : type);
            if (type != GgufType.Q8_0) {
                Expectation.check(model, file, allowed);
            }
        }
    }

    @Test
    void modelWithoutTokenizerIsRefusedUnlessAskedFor() {
        assertThat(Sentences.refusal(() -> GgufModelExport.write(TinyModels.llama(), output(), null, true)))
                .contains("no tokenizer.json", "--without-tokenizer");
        assertThat(temporary).isEmptyDirectory();
    }

    @Test
    void fileThatIsThereIsNeverTouched() throws IOException {
        Files.writeString(output(), "precious");
        assertThat(Sentences.refusal(() -> export(TinyModels.llama()))).contains("is there already");
        assertThat(output()).hasContent("precious");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'model_type':'mixtral'}|exported to GGUF",
                "{'model_type':'gemma3'}|multimodal",
                "{'hidden_act':'relu'}|computes silu",
                "{'quantization_config':{'quant_method':'bitsandbytes','load_in_4bit':true,'bnb_4bit_quant_type':'nf4'}}|16 or 32 bits",
                "{'num_key_value_heads':3}|must divide num_attention_heads",
                "{'hidden_size':null}|\"hidden_size\" left out",
                "{'hidden_size':64}|as BF16 [96, 32]",
                "{'num_hidden_layers':3}|holds no tensor",
                "{'num_hidden_layers':1}|has no place in a GGUF file",
                "{'tie_word_embeddings':false}|no tensor \"lm_head.weight\"",
                "{'rope_parameters':{'rope_theta':1e4,'rope_type':'longrope'}}|phi3 only",
                "{'rope_parameters':{'rope_theta':1e4,'rope_type':'spiral'}}|kind of scaling",
                "{'rope_parameters':{'rope_theta':1e4,'rope_type':'yarn','factor':2,'truncate':false}}|truncates",
                "{'rope_parameters':{'rope_theta':1e4,'partial_rotary_factor':0.5}}|turns whole heads",
                "{'rope_parameters':null}|\"rope_theta\" left out",
                "{'rms_norm_eps':'small'}|must be a positive number"
            })
    void whatGgufCannotExpressIsRefusedWithTheReason(String changes, String says) throws IOException {
        Path model = TinyModels.changed(
                TinyModels.llama(), temporary.resolve("m"), "config.json", changes.replace('\'', '"'));
        assertThat(Sentences.refusal(() -> export(model))).contains(says);
        assertThat(output()).doesNotExist();
    }

    @Test
    void valuesThatWouldNotSurviveAreRefusedAndNothingStaysBehind() throws IOException {
        assertThat(Sentences.refusal(() -> GgufModelExport.write(withValue(Float.NaN), output(), GgufType.F32, false)))
                .contains("NaN in \"model.norm.weight\"");
        assertThat(Sentences.refusal(() -> GgufModelExport.write(withHugeMatrix(), output(), GgufType.F16, false)))
                .contains("100000.0 in \"model.embed_tokens.weight\"", "--type bf16");
        try (Stream<Path> files = Files.list(temporary)) {
            assertThat(files.filter(Files::isRegularFile)).isEmpty();
        }
    }

    private Path withValue(float value) throws IOException {
        return rewritten("vector", "model.norm.weight", value);
    }

    private Path withHugeMatrix() throws IOException {
        return rewritten("matrix", "model.embed_tokens.weight", 1e5f);
    }

    private Path rewritten(String folder, String tensor, float first) throws IOException {
        Path target = TinyModels.changed(TinyModels.llama(), temporary.resolve(folder), "config.json", "{}");
        Path source = TinyModels.llama().resolve("model.safetensors");
        SafetensorsWriter writer = new SafetensorsWriter();
        try (SafetensorsFile read = SafetensorsFile.open(source)) {
            read.tensors().values().forEach(info -> {
                float[] values = read.floats(info.name());
                if (info.name().equals(tensor)) {
                    values[0] = first;
                }
                writer.add(info.name(), StoredType.F32, info.shape(), values);
            });
        }
        writer.write(target.resolve("model.safetensors"));
        return target;
    }

    @Test
    void yarnSaysToLlamaCppWhatItDoesNotComputeItself() throws IOException {
        Path model = TinyModels.changed(TinyModels.llama(), temporary.resolve("m"), "config.json", """
                {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000, "factor": 4, "beta_fast": 16,
                 "original_max_position_embeddings": 16, "attention_factor": 2.2772588722239782}}""");
        export(model);
        try (GgufFile file = GgufFile.open(output())) {
            assertThat(file.metadata())
                    .containsEntry("llama.rope.scaling.type", GgufValue.text("yarn"))
                    .containsEntry("llama.rope.scaling.factor", GgufValue.f32(4))
                    .containsEntry("llama.rope.scaling.original_context_length", GgufValue.u32(16))
                    .containsEntry("llama.rope.scaling.yarn_beta_fast", GgufValue.f32(16))
                    // llama.cpp multiplies by 1 + ln(4) / 10 = 1.1386294361119891 by itself.
                    .containsEntry("llama.rope.scaling.attn_factor", GgufValue.f32(2));
        }
    }

    @Test
    void slidingWindowOfMistralLimitsTheContext() throws IOException {
        Path model = TinyModels.changed(
                TinyModels.llama(),
                temporary.resolve("m"),
                "config.json",
                "{\"model_type\": \"mistral\", \"sliding_window\": 24}");
        assertThat(export(model).notes()).singleElement().asString().contains("24", "instead of 64");
        try (GgufFile file = GgufFile.open(output())) {
            assertThat(file.metadata()).containsEntry("llama.context_length", GgufValue.u32(24));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "llama",
                "llama3-rope",
                "llama-yarn",
                "mistral-window",
                "qwen2",
                "qwen3",
                "gemma2",
                "gemma3",
                "phi3",
                "olmo2",
                "gpt2"
            })
    void tensorsOfEveryFamilyEqualTheSource(String family) {
        Path folder = SharedData.require("golden/" + family + "/model");
        ExportReport report = export(folder);
        assertThat(report.type()).isEqualTo(GgufType.F32);
        try (GgufFile file = GgufFile.open(output());
                ModelFolder model = ModelFolder.open(folder)) {
            Expectation.check(model, file, 0);
            assertThat(file.metadata())
                    .containsEntry("general.architecture", GgufValue.text(report.architecture()))
                    .containsEntry(report.architecture() + ".block_count", GgufValue.u32(3))
                    .containsEntry(report.architecture() + ".vocab_size", GgufValue.u32(320));
        }
    }

    @Test
    void layersWithoutRotaryPositionsMustBeWhereLlamaCppHasThem() throws IOException {
        Path folder = SharedData.require("golden/smollm3/model");
        assertThat(Sentences.refusal(() -> export(folder))).contains("every fourth layer");
        Path usual = TinyModels.changed(
                folder,
                temporary.resolve("m"),
                "config.json",
                "{\"no_rope_layers\": [1, 1, 1], \"no_rope_layer_interval\": 4}");
        export(usual);
        try (GgufFile file = GgufFile.open(output());
                ModelFolder model = ModelFolder.open(usual)) {
            Expectation.check(model, file, 0);
        }
    }

    @Test
    void rotaryFactorsOfLlama3AreWhatTheFrequenciesAreDividedBy() {
        export(SharedData.require("golden/llama3-rope/model"));
        try (GgufFile file = GgufFile.open(output())) {
            float[] factors = file.floats("rope_freqs.weight");
            assertThat(factors).hasSize(8);
            // Wavelengths 2 pi 500000^(i / 8), of an original length of 64: up to 16 stays, from 64 on it is divided by
            // 8.
            assertThat(factors[0]).isEqualTo(1);
            assertThat(factors[1]).isBetween(1f, 8f);
            assertThat(factors[2]).isEqualTo(8);
            assertThat(factors[7]).isEqualTo(8);
        }
    }

    @Test
    void softCapsAndWindowsOfGemmaAreKeys() {
        export(SharedData.require("golden/gemma2/model"));
        try (GgufFile file = GgufFile.open(output())) {
            assertThat(file.metadata())
                    .containsAllEntriesOf(Map.of(
                            "gemma2.attn_logit_softcapping", GgufValue.f32(50),
                            "gemma2.final_logit_softcapping", GgufValue.f32(30),
                            "gemma2.attention.sliding_window", GgufValue.u32(12)));
        }
    }

    @Test
    void gemmaWhoseLayersAlternateOtherwiseIsRefused() throws IOException {
        Path folder = SharedData.require("golden/gemma2/model");
        Path model = TinyModels.changed(
                folder,
                temporary.resolve("m"),
                "config.json",
                "{\"layer_types\": [\"full_attention\", \"full_attention\", \"full_attention\"]}");
        assertThat(Sentences.refusal(() -> export(model))).contains("one layer in 2");
        Path scaled =
                TinyModels.changed(folder, temporary.resolve("n"), "config.json", "{\"query_pre_attn_scalar\": 17}");
        assertThat(Sentences.refusal(() -> export(scaled))).contains("takes 16");
    }

    @Test
    void olmoWithATiedHeadGetsItsTableTwice() throws IOException {
        Path folder = SharedData.require("golden/olmo2/model");
        Path tied =
                TinyModels.changed(folder, temporary.resolve("m"), "config.json", "{\"tie_word_embeddings\": true}");
        export(tied);
        try (GgufFile file = GgufFile.open(output())) {
            assertThat(file.floats("output.weight")).isEqualTo(file.floats("token_embd.weight"));
        }
    }

    @Test
    void realModelCarriesItsTokenizer() {
        ExportReport report =
                GgufModelExport.write(SharedData.require("real/tiny-english"), output(), GgufType.F16, true);
        assertThat(report.notes()).isEmpty();
        try (GgufFile file = GgufFile.open(output())) {
            assertThat(file.metadata())
                    .containsEntry("tokenizer.ggml.pre", GgufValue.text("gpt-2"))
                    .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(false))
                    .containsKey("tokenizer.chat_template");
            assertThat(file.metadata().get("tokenizer.ggml.tokens"))
                    .isInstanceOfSatisfying(
                            GgufValue.Texts.class,
                            texts -> assertThat(texts.values()).hasSize(4096).startsWith("<|pad|>"));
            assertThat(file.metadata().get("tokenizer.ggml.token_type"))
                    .isInstanceOfSatisfying(
                            GgufValue.Wholes.class,
                            kinds -> assertThat(kinds.values().subList(0, 8))
                                    .isEqualTo(List.of(3L, 3L, 3L, 3L, 3L, 3L, 3L, 1L)));
        }
    }
}
