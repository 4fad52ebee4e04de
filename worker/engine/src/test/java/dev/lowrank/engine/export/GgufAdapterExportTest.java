package dev.lowrank.engine.export;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.GgufFile;
import dev.lowrank.engine.format.GgufTensor;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.Sentences;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufAdapterExportTest {
    @TempDir
    Path temporary;

    private Path output() {
        return temporary.resolve("adapter.gguf");
    }

    private ExportReport export(Path base, Path adapter) {
        return GgufAdapterExport.write(base, adapter, output(), null);
    }

    @Test
    void plainAdapterKeepsItsFactorsAndAlpha() throws IOException {
        ExportReport report = export(TinyModels.llama(), TinyModels.adapter());
        try (GgufFile file = GgufFile.open(output());
                SafetensorsFile weights =
                        SafetensorsFile.open(TinyModels.adapter().resolve("adapter_model.safetensors"))) {
            assertThat(file.metadata())
                    .containsEntry("general.type", GgufValue.text("adapter"))
                    .containsEntry("general.architecture", GgufValue.text("llama"))
                    .containsEntry("adapter.type", GgufValue.text("lora"));
            assertThat(report.tensors()).isEqualTo(weights.tensors().size());
            String q = "base_model.model.model.layers.1.self_attn.q_proj.lora_";
            assertThat(file.floats("blk.1.attn_q.weight.lora_a")).isEqualTo(weights.floats(q + "A.weight"));
            assertThat(file.floats("blk.1.attn_q.weight.lora_b"))
                    .isEqualTo(Expectation.interleaved(
                            weights.floats(q + "B.weight"),
                            weights.info(q + "B.weight").shape(),
                            8));
        }
    }

    /** What llama.cpp computes from the file is what PEFT merged: alpha / rank B A, in the order of the base's rows. */
    @ParameterizedTest
    @CsvSource({
        "llama, lora-attention-r4, model.layers.1.self_attn.q_proj, blk.1.attn_q.weight",
        "llama, lora-all-linear-r8, model.layers.1.self_attn.q_proj, blk.1.attn_q.weight",
        "llama, rslora-r8, model.layers.1.self_attn.q_proj, blk.1.attn_q.weight",
        "llama, lora-rank-pattern, model.layers.1.self_attn.q_proj, blk.1.attn_q.weight",
        "llama, lora-rank-pattern, model.layers.1.mlp.down_proj, blk.1.ffn_down.weight",
        "llama, lora-layers-1-2, model.layers.1.self_attn.q_proj, blk.1.attn_q.weight",
        "gpt2, lora-all-linear-r8, transformer.h.1.attn.c_attn, blk.1.attn_qkv.weight",
        "gpt2, lora-attention-r4, transformer.h.1.attn.c_attn, blk.1.attn_qkv.weight"
    })
    void appliedAsLlamaCppDoesItGivesTheMergedWeight(String family, String adapter, String module, String target) {
        Path base = SharedData.require("golden/" + family + "/model");
        Path folder = SharedData.require("golden/" + family + "/" + adapter);
        export(base, folder);
        Path model = temporary.resolve("base.gguf");
        GgufModelExport.write(base, model, GgufType.F32, false);
        try (GgufFile lora = GgufFile.open(output());
                GgufFile weights = GgufFile.open(model);
                ModelFolder source = ModelFolder.open(base);
                SafetensorsFile after = SafetensorsFile.open(folder.resolve("after.safetensors"))) {
            float[] applied = applied(lora, weights, target);
            assertThat(applied).isNotEqualTo(weights.floats(target));
            String merged = "merged." + module + ".weight";
            if (after.tensors().containsKey(merged)) {
                float[] wanted = after.floats(merged);
                long[] shape = after.info(merged).shape();
                float[] turned = family.equals("gpt2")
                        ? transposed(wanted, (int) shape[0], (int) shape[1])
                        : target.contains("attn_q") ? Expectation.interleaved(wanted, shape, 16) : wanted;
                assertThat(applied).usingComparatorWithPrecision(1e-5f).containsExactly(turned);
            } else {
                assertThat(applied)
                        .usingComparatorWithPrecision(1e-5f)
                        .containsExactly(byHand(source, folder, module, 6.0 / 2));
            }
        }
    }

    /** W + alpha / rank B A, with the rank of the stored pair. */
    private static float[] applied(GgufFile lora, GgufFile weights, String target) {
        double alpha = ((GgufValue.Real) lora.metadata().get("adapter.lora.alpha")).value();
        GgufTensor shape = lora.tensor(target + ".lora_b");
        int rank = (int) shape.columns();
        float[] a = lora.floats(target + ".lora_a");
        float[] b = lora.floats(target + ".lora_b");
        float[] w = weights.floats(target);
        int in = a.length / rank;
        for (int o = 0; o < shape.rows(); o++) {
            for (int i = 0; i < in; i++) {
                double sum = 0;
                for (int r = 0; r < rank; r++) {
                    sum += (double) b[o * rank + r] * a[r * in + i];
                }
                w[o * in + i] += (float) (alpha / rank * sum);
            }
        }
        return w;
    }

    private static float[] byHand(ModelFolder base, Path adapter, String module, double scale) {
        try (SafetensorsFile file = SafetensorsFile.open(adapter.resolve("adapter_model.safetensors"))) {
            float[] w = base.floats(module + ".weight");
            float[] a = file.floats("base_model.model." + module + ".lora_A.weight");
            float[] b = file.floats("base_model.model." + module + ".lora_B.weight");
            int rank = (int)
                    file.info("base_model.model." + module + ".lora_A.weight").shape()[0];
            int in = a.length / rank;
            for (int o = 0; o < b.length / rank; o++) {
                for (int i = 0; i < in; i++) {
                    double sum = 0;
                    for (int r = 0; r < rank; r++) {
                        sum += (double) b[o * rank + r] * a[r * in + i];
                    }
                    w[o * in + i] += (float) (scale * sum);
                }
            }
            return w;
        }
    }

    private static float[] transposed(float[] values, int rows, int columns) {
        float[] turned = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            turned[i % columns * rows + i / columns] = values[i];
        }
        return turned;
    }

    @ParameterizedTest
    @CsvSource({
        "dora-r4, use_dora",
        "ia3, nothing but LoRA",
        "prefix-tuning, nothing but LoRA",
        "prompt-tuning, nothing but LoRA",
        "lora-modules-to-save, modules_to_save"
    })
    void whatAGgufAdapterCannotExpressIsRefused(String adapter, String says) {
        Path base = SharedData.require("golden/llama/model");
        Path folder = SharedData.require("golden/llama/" + adapter);
        assertThat(Sentences.refusal(() -> export(base, folder))).contains(says, "merge the adapter into its base");
        assertThat(temporary).isEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'bias':'all'}|biases",
                "{'init_lora_weights':'pissa'}|changes the base",
                "{'next_years_option':true}|does not know",
                "{'r':3}|whose rank is not the 3",
                "{'lora_alpha':0}|positive number",
                "{'alpha_pattern':{'(a':4}}|pattern"
            })
    void settingsThatChangeTheNumbersAreNeverDropped(String changes, String says) throws IOException {
        Path folder = TinyModels.changed(
                TinyModels.adapter(), temporary.resolve("a"), "adapter_config.json", changes.replace('\'', '"'));
        assertThat(Sentences.refusal(() -> export(TinyModels.llama(), folder))).contains(says);
    }

    @Test
    void adapterOfAnotherBaseIsRefused() throws IOException {
        Path wider = TinyModels.changed(
                TinyModels.llama(), temporary.resolve("wide"), "config.json", "{\"hidden_size\": 64}");
        assertThat(Sentences.refusal(() -> export(wider, TinyModels.adapter()))).contains("where the base has");
        Path flatter = TinyModels.changed(
                TinyModels.llama(), temporary.resolve("flat"), "config.json", "{\"num_hidden_layers\": 1}");
        assertThat(Sentences.refusal(() -> export(flatter, TinyModels.adapter())))
                .contains("does not have");
    }

    @Test
    void adapterIsNotStoredInEightBits() {
        assertThat(Sentences.refusal(() ->
                        GgufAdapterExport.write(TinyModels.llama(), TinyModels.adapter(), output(), GgufType.Q8_0)))
                .contains("q8_0");
    }
}
