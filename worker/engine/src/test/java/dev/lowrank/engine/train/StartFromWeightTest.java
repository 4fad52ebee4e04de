package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.adapter.Adapter;
import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.merge.Logits;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.Targets;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PiSSA and OLoRA: runs, and what PEFT begins with. */
class StartFromWeightTest {
    private static final String START = """
            import sys, torch
            from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
            from safetensors.torch import load_file, save_file
            from transformers import AutoModelForCausalLM
            family, init, targets, out = sys.argv[1:]
            batch = load_file(family + "/batches.safetensors")
            base = AutoModelForCausalLM.from_pretrained(family + "/model", dtype=torch.float32)
            config = LoraConfig(r=5, lora_alpha=3, target_modules=targets.split("+"), init_lora_weights=init,
                                fan_in_fan_out="gpt2" in family, task_type="CAUSAL_LM")
            model = get_peft_model(base, config)
            found = {k: v.contiguous() for k, v in get_peft_model_state_dict(model).items()}
            with torch.no_grad():
                found["logits"] = model.eval()(input_ids=batch["input_ids.0"], attention_mask=batch["attention_mask.0"]).logits
            save_file(found, out)
            """;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"pissa", "olora"})
    void resumedRunEndsWithTheSameBytesAsAnUninterruptedOne(String init) throws IOException {
        Path whole = folder.resolve("whole");
        Path parts = folder.resolve("parts");
        run(init).in(whole);
        RunControl afterThree = new RunControl() {
            private int done;

            @Override
            public boolean stopRequested() {
                return done >= 3;
            }

            @Override
            public void stepped(StepMetrics metrics) {
                done = metrics.step();
            }
        };
        assertThat(run(init).in(parts, afterThree)).isEqualTo(Ending.STOPPED);
        assertThat(run(init).in(parts)).isEqualTo(Ending.FINISHED);
        for (String file : new String[] {"adapter_model.safetensors", "adapter_config.json", "lowrank.json"}) {
            assertThat(Files.readAllBytes(parts.resolve(file)))
                    .as(file)
                    .isEqualTo(Files.readAllBytes(whole.resolve(file)));
        }
    }

    private static TinyRun run(String init) {
        return new TinyRun().adapter("init", init);
    }

    /** A whole adapter of twice the rank, so a run goes on from it like from any other. */
    @Test
    void exportedAdapterCanBeTrainedFurther() {
        run("pissa").in(folder.resolve("first"));
        TinyRun further = new TinyRun()
                .with("initial_adapter", folder.resolve("first").toString())
                .with("adapter", null);
        assertThat(further.in(folder.resolve("second"))).isEqualTo(Ending.FINISHED);
    }

    @ParameterizedTest
    @CsvSource({"llama, PISSA, q_proj+down_proj", "llama, OLORA, q_proj+down_proj+k_proj", "gpt2, PISSA, c_attn+c_fc"})
    void startsAsPeftStarts(String family, AdapterInit init, String targets) throws Exception {
        Path golden = SharedData.require("golden/" + family);
        Path out = folder.resolve("start.safetensors");
        ReferencePython.run(START, golden, Path.of(init.key()), Path.of(targets), out);
        try (SafetensorsFile reference = SafetensorsFile.open(out);
                Kernels kernels = CpuKernels.open(2);
                Workspace memory = kernels.workspace();
                ModelFolder base = ModelFolder.open(golden.resolve("model"));
                Transformer model = Transformer.load(base, Precision.FROZEN, kernels)) {
            Targets wanted = new Targets(List.of(targets.split("\\+")));
            LoraSpec spec = LoraSpec.plain(5, 3, 0, wanted, init);
            Adapter adapter = Adapters.create(spec, model, "base", 1, kernels, memory);
            assertThat(adapter.parameters()).hasSize(reference.tensors().size() - 1);
            for (Parameter parameter : adapter.parameters()) {
                boolean a = parameter.name().endsWith("lora_A.weight");
                float[] ours = new float[Math.toIntExact(parameter.value().size())];
                kernels.download(parameter.value(), ours, 0);
                assertSameUpToSigns(parameter.name(), ours, reference.floats(parameter.name()), a);
            }
            adapter.attach();
            float[] ours = Logits.of(golden, model, kernels);
            float[] theirs = Logits.withoutPadding(golden, reference.floats("logits"));
            assertThat(Conformance.largestDifference(ours, theirs, ours.length)).isLessThan(1e-4);
        }
    }

    /** Row after row of A [5, in], or column after column of B [out, 5]. */
    private static void assertSameUpToSigns(String name, float[] ours, float[] theirs, boolean rows) {
        int length = ours.length / 5;
        for (int i = 0; i < 5; i++) {
            double same = 0;
            double opposite = 0;
            for (int k = 0; k < length; k++) {
                int at = rows ? i * length + k : k * 5 + i;
                same = Math.max(same, Math.abs(ours[at] - theirs[at]));
                opposite = Math.max(opposite, Math.abs(ours[at] + theirs[at]));
            }
            assertThat(Math.min(same, opposite)).as("%s, direction %d", name, i).isLessThan(2e-4);
        }
    }
}
