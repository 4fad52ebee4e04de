package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.merge.Logits;
import dev.lowrank.engine.merge.ModelMerge;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Adapters of every kind that PEFT knows, trained here for a few steps, and what others make of the folders. */
class AdapterKindsTest {
    /** For each line, PEFT's logits of the adapter and, where there is a merged folder, transformers' logits of that. */
    private static final String LOGITS = """
            # Only eager attention knows the soft caps of Gemma 2.
            import sys, torch
            from peft import PeftModel
            from safetensors.torch import load_file, save_file
            from transformers import AutoModelForCausalLM
            for line in open(sys.argv[1]):
                family, folder, merged = line.rstrip("\\n").split("|")
                batch = load_file(family + "/batches.safetensors")
                ids, mask = batch["input_ids.0"], batch["attention_mask.0"]
                def logits(model):
                    with torch.no_grad():
                        found = model.eval()(input_ids=ids, attention_mask=mask).logits.float()
                    return found[:, -ids.shape[1]:].contiguous()
                base = AutoModelForCausalLM.from_pretrained(family + "/model", dtype=torch.float32, attn_implementation="eager")
                out = {"peft": logits(PeftModel.from_pretrained(base, folder))}
                if merged:
                    model, info = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
                    assert not any(info[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
                    out["merged"] = logits(model)
                save_file(out, folder + "/reference-logits.safetensors")
            """;

    @TempDir
    private Path temporary;

    private record Kind(String name, String family, String method, String adapter) {
        boolean inWeights() {
            return !method.equals("prompt-tuning") && !method.equals("prefix-tuning");
        }

        @Override
        public String toString() {
            return name + " on " + family;
        }
    }

    static Stream<Kind> kinds() {
        return Stream.of(
                new Kind("lora", "llama", "lora", "\"rank\": 4"),
                new Kind("lora of Conv1D", "gpt2", "lora", "\"rank\": 4"),
                new Kind("lora of fused layers", "phi3", "lora", "\"rank\": 4"),
                new Kind("rslora", "llama", "lora", "\"rank\": 8, \"rslora\": true"),
                new Kind("dora", "llama", "lora", "\"rank\": 4, \"dora\": true"),
                new Kind("dora of Conv1D", "gpt2", "lora", "\"rank\": 4, \"dora\": true"),
                new Kind("patterns", "llama", "lora", """
                        "rank": 4, "rank_pattern": {"down_proj": 2, "layers.1.self_attn.q_proj": 6},
                        "alpha_pattern": {"k_proj": 3}"""),
                new Kind("patterns with rslora", "qwen2", "lora", """
                        "rank": 4, "rslora": true, "rank_pattern": {"up_proj": 9}"""),
                new Kind(
                        "layers", "llama", "lora", "\"rank\": 4, \"layers\": [0, 2], \"target_modules\": [\"q_proj\"]"),
                new Kind("saved head", "llama", "lora", """
                        "rank": 4, "target_modules": ["q_proj"], "modules_to_save": ["lm_head"]"""),
                new Kind("saved head that was tied", "gpt2", "lora", """
                        "rank": 4, "target_modules": ["c_attn"], "modules_to_save": ["lm_head"]"""),
                new Kind("saved embedding that was tied", "gemma2", "lora", """
                        "rank": 4, "target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]"""),
                new Kind("saved norm", "qwen2", "lora", """
                        "rank": 4, "target_modules": ["q_proj"], "modules_to_save": ["input_layernorm"]"""),
                new Kind(
                        "all biases",
                        "gpt2",
                        "lora",
                        "\"rank\": 4, \"bias\": \"all\", \"target_modules\": [\"c_attn\"]"),
                new Kind("biases of adapted layers", "qwen2", "lora", "\"rank\": 4, \"bias\": \"lora_only\""),
                new Kind("pissa", "llama", "lora", "\"rank\": 4, \"init\": \"pissa\""),
                new Kind("pissa of Conv1D", "gpt2", "lora", "\"rank\": 4, \"init\": \"pissa\""),
                new Kind("olora", "qwen2", "lora", "\"rank\": 4, \"init\": \"olora\", \"bias\": \"all\""),
                new Kind("olora of Conv1D", "gpt2", "lora", "\"rank\": 4, \"init\": \"olora\""),
                new Kind("ia3", "llama", "ia3", ""),
                new Kind("ia3 of Conv1D", "gpt2", "ia3", ""),
                new Kind("ia3 with biases", "qwen2", "ia3", ""),
                new Kind("prompt", "llama", "prompt-tuning", "\"virtual_tokens\": 5"),
                new Kind("prompt with learned positions", "gpt2", "prompt-tuning", "\"virtual_tokens\": 5"),
                new Kind("prefix", "llama", "prefix-tuning", "\"virtual_tokens\": 5"),
                new Kind("prefix with grouped heads", "qwen2", "prefix-tuning", "\"virtual_tokens\": 5"));
    }

    private Path family(Kind kind) {
        return SharedData.require("golden/" + kind.family());
    }

    private Path train(Kind kind) throws IOException {
        Path folder = temporary.resolve(kind.toString().replace(' ', '-'));
        List<String> rows = new ArrayList<>();
        Random random = new Random(5);
        for (int row = 0; row < 8; row++) {
            List<Integer> ids = random.ints(12 + row, 0, 320).boxed().toList();
            rows.add("{\"input_ids\": %s, \"labels\": %s}".formatted(ids, ids));
        }
        Path data = Files.write(temporary.resolve("rows.jsonl"), rows);
        String spec = """
                {"base_model": "%s", "training_file": "%s", "format": "tokenized", "method": "%s", "adapter": {%s},
                 "training": {"epochs": 2, "micro_batch_size": 4, "learning_rate": 0.02}}
                """.formatted(family(kind).resolve("model"), data, kind.method(), kind.adapter());
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = TrainingRun.open(SpecJson.parse(spec).spec(), folder, kernels)) {
            assertThat(run.train(new RunControl() {})).isEqualTo(Ending.FINISHED);
            run.writeOutput(folder);
        }
        return folder;
    }

    private Path merge(Kind kind, Path adapter) {
        Path merged = adapter.resolveSibling(adapter.getFileName() + "-merged");
        try (Kernels kernels = CpuKernels.open(2)) {
            ModelMerge.write(family(kind).resolve("model"), adapter, merged, null, 100_000, kernels);
        }
        return merged;
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void writtenAdapterAnswersOtherwiseThanItsBaseAndAsItsMergedFolderDoes(Kind kind) throws IOException {
        Path adapter = train(kind);
        Path base = family(kind).resolve("model");
        float[] logits = Logits.of(family(kind), base, adapter);
        assertThat(Conformance.largestDifference(logits, Logits.of(family(kind), base, null), logits.length))
                .isGreaterThan(1e-2);
        if (kind.inWeights()) {
            float[] merged = Logits.of(family(kind), merge(kind, adapter), null);
            assertThat(Conformance.largestDifference(logits, merged, logits.length))
                    .isLessThan(1e-4);
        }
    }

    @Test
    void peftAndTransformersFindTheSameLogits() throws Exception {
        List<String> lines = new ArrayList<>();
        List<Kind> kinds = kinds().toList();
        for (Kind kind : kinds) {
            Path adapter = train(kind);
            lines.add("%s|%s|%s".formatted(family(kind), adapter, kind.inWeights() ? merge(kind, adapter) : ""));
        }
        ReferencePython.run(LOGITS, Files.write(temporary.resolve("lines"), lines));
        for (Kind kind : kinds) {
            Path adapter = temporary.resolve(kind.toString().replace(' ', '-'));
            float[] ours = Logits.of(family(kind), family(kind).resolve("model"), adapter);
            try (SafetensorsFile reference = SafetensorsFile.open(adapter.resolve("reference-logits.safetensors"))) {
                for (String name : reference.tensors().keySet()) {
                    float[] theirs = Logits.withoutPadding(family(kind), reference.floats(name));
                    assertThat(Conformance.largestDifference(ours, theirs, ours.length))
                            .as("%s, %s".formatted(kind, name))
                            .isLessThan(1e-4);
                }
            }
        }
    }
}
