package dev.lowrank.engine.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.GgufType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Files as llama.cpp's own Python package reads them, with its own table of tensor names; needs the conformance data beside
 * the checkout and, in LOWRANK_REFERENCE_PYTHON, a Python that has the packages gguf and safetensors.
 */
class GgufReaderParityTest {
    private static final List<String> FAMILIES = List.of(
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
            "gpt2");

    /** Arguments: pairs of a GGUF file and the folder it was made from; prints a line for each pair that agrees. */
    private static final String COMPARE = """
            import json, pathlib, sys
            import numpy as np, gguf
            from safetensors.numpy import load_file
            ARCHS = {name: arch for arch, name in gguf.MODEL_ARCH_NAMES.items()}

            def neighbours(w, heads):
                return w.reshape(heads, 2, -1, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)

            def text(reader, key):
                return bytes(reader.fields[key].parts[-1]).decode()

            def number(reader, key):
                return reader.fields[key].parts[-1][0]

            def same(name, tensor, wanted):
                assert list(reversed([int(n) for n in tensor.shape])) == list(wanted.shape), (name, tensor.shape, wanted.shape)
                got = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(wanted.shape)
                worst = np.abs(got - wanted).max() / np.abs(wanted).max()
                assert worst <= LIMITS[tensor.tensor_type.name], (name, worst)

            LIMITS = dict(F32=0, F16=2**-11, BF16=2**-8, Q8_0=0.005)
            for path, source in zip(sys.argv[1::2], sys.argv[2::2]):
                source = pathlib.Path(source)
                reader = gguf.GGUFReader(path)
                stored = {t.name: t for t in reader.tensors}
                config = json.loads((source.parent / "model" / "config.json").read_text())
                arch = text(reader, "general.architecture")
                names = gguf.get_tensor_name_map(ARCHS[arch], config.get("num_hidden_layers", config.get("n_layer")))
                heads = config.get("num_attention_heads", config.get("n_head"))
                kv = config.get("num_key_value_heads", heads)
                seen = {"rope_freqs.weight"}
                if (source / "adapter_config.json").exists():
                    assert text(reader, "general.type") == "adapter" and text(reader, "adapter.type") == "lora"
                    settings = json.loads((source / "adapter_config.json").read_text())
                    weights = load_file(source / "adapter_model.safetensors")
                    for key in [k for k in weights if k.endswith(".lora_A.weight")]:
                        module = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                        target = names.get_name(module) + ".weight"
                        a, b = weights[key], weights[key.replace("lora_A", "lora_B")]
                        if arch == "llama" and module.endswith(("q_proj", "k_proj")):
                            b = neighbours(b, heads if module.endswith("q_proj") else kv)
                        short = module.split(".")[-1]
                        rank = settings["rank_pattern"].get(short, settings["r"])
                        alpha = settings["alpha_pattern"].get(short, settings["lora_alpha"])
                        scale = alpha / (rank ** 0.5 if settings["use_rslora"] else rank)
                        llama = number(reader, "adapter.lora.alpha") / rank
                        same(key, stored[target + ".lora_a"], a)
                        got = stored[target + ".lora_b"]
                        assert list(got.shape) == [b.shape[1], b.shape[0]]
                        assert np.allclose(llama * got.data @ a, scale * b @ a, rtol=1e-5, atol=1e-7), key
                        seen |= {target + ".lora_a", target + ".lora_b"}
                else:
                    assert text(reader, "general.type") == "model"
                    assert number(reader, arch + ".embedding_length") == config.get("hidden_size", config.get("n_embd"))
                    for key, w in load_file(source / "model.safetensors").items():
                        w = w.astype(np.float32)
                        stem, kind = key.rsplit(".", 1)
                        target = names.get_name(stem) + "." + kind
                        if arch == "llama" and stem.endswith(("q_proj", "k_proj")):
                            w = neighbours(w, heads if stem.endswith("q_proj") else kv)
                        if arch.startswith("gemma") and key.endswith("norm.weight"):
                            w = 1 + w
                        if arch == "gpt2" and w.ndim == 2 and ".h." in key:
                            w = w.T
                        same(key, stored[target], w)
                        seen.add(target)
                assert seen >= set(stored), set(stored) - seen
                print("same", path)
            """;

    @TempDir
    Path temporary;

    private final List<String> arguments = new ArrayList<>();
    private String python = "";

    @BeforeEach
    void findPython() {
        String named = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(named != null, "LOWRANK_REFERENCE_PYTHON names no Python with gguf");
        python = named;
    }

    @Test
    void everyFamilyReadsBackWithTheNamesShapesAndValuesOfTheSource() throws Exception {
        for (String family : FAMILIES) {
            Path source = SharedData.require("golden/" + family + "/model");
            for (GgufType type : GgufType.values()) {
                Path file = temporary.resolve(family + "-" + type + ".gguf");
                GgufModelExport.write(source, file, type, false);
                arguments.addAll(List.of(file.toString(), source.toString()));
            }
        }
        compare();
    }

    @Test
    void adaptersReadBackWithTheProductPeftApplies() throws Exception {
        for (String adapter : List.of(
                "llama/lora-attention-r4",
                "llama/lora-all-linear-r8",
                "llama/lora-bias-free-r1",
                "llama/lora-layers-1-2",
                "llama/lora-rank-pattern",
                "llama/rslora-r8",
                "llama/dpo-r4",
                "gpt2/lora-all-linear-r8",
                "phi3/lora-all-linear-r8",
                "gemma3/lora-all-linear-r8")) {
            Path source = SharedData.require("golden/" + adapter);
            Path file = temporary.resolve(adapter.replace('/', '-') + ".gguf");
            GgufAdapterExport.write(source.resolveSibling("model"), source, file, null);
            arguments.addAll(List.of(file.toString(), source.toString()));
        }
        compare();
    }

    private void compare() throws Exception {
        List<String> command = new ArrayList<>(List.of(python, "-c", COMPARE));
        command.addAll(arguments);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
        assertThat(said.lines().filter(line -> line.startsWith("same "))).hasSize(arguments.size() / 2);
    }
}
