package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.SharedData;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What PEFT itself makes of our folders; needs the conformance data beside the checkout and, in LOWRANK_REFERENCE_PYTHON,
 * a Python that has PEFT.
 */
class PeftReferenceTest {
    /** Loads each folder on its model, and says what PEFT missed, what it did not expect, and the weights it then has. */
    private static final String LOAD = """
            import json, sys, warnings
            import torch
            from peft import PeftModel
            from peft.utils import get_peft_model_state_dict
            from safetensors.torch import load_file
            from transformers import AutoModelForCausalLM
            for line in open(sys.argv[1]):
                model, folder = line.rstrip().split("|")
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    base = AutoModelForCausalLM.from_pretrained(model)
                    peft = PeftModel.from_pretrained(base, folder)
                config = peft.peft_config["default"]
                result = peft.load_adapter(folder, "default")
                missing = [k for k in result.missing_keys if any(p in k for p in ("lora_", "ia3_", "modules_to_save"))]
                has = get_peft_model_state_dict(peft, save_embedding_layers=False)
                ours = load_file(folder + "/adapter_model.safetensors")
                print(json.dumps(dict(
                    missing=missing, unexpected=[k for k in result.unexpected_keys if k != "prompt_embeddings"],
                    warnings=[str(w.message) for w in caught if "peft" in w.filename.lower()],
                    same=sorted(has) == sorted(ours) and all(torch.equal(has[k], ours[k]) for k in ours))))
            """;

    /** For each folder and module path: whether PEFT targets it, with which rank and which scale. */
    private static final String MATCH = """
            import json, math, sys
            from peft import PeftConfig
            from peft.tuners.tuners_utils import check_target_module_exists
            from peft.utils.other import get_pattern_key
            paths = json.load(open(sys.argv[2]))
            for folder in open(sys.argv[1]):
                c = PeftConfig.from_pretrained(folder.rstrip())
                rows = []
                for path in paths:
                    r = c.rank_pattern.get(get_pattern_key(c.rank_pattern.keys(), path), c.r)
                    alpha = c.alpha_pattern.get(get_pattern_key(c.alpha_pattern.keys(), path), c.lora_alpha)
                    scale = alpha / math.sqrt(r) if c.use_rslora else alpha / r
                    rows.append([bool(check_target_module_exists(c, path)), r, scale])
                print(json.dumps(rows))
            """;

    private static final List<String> PATHS = List.of(
            "model.layers.0.self_attn.q_proj",
            "model.layers.1.self_attn.q_proj",
            "model.layers.1.self_attn.v_proj",
            "model.layers.10.self_attn.q_proj",
            "model.layers.1.mlp.up_proj",
            "model.layers.2.mlp.experts.1.up_proj",
            "model.layers.2.mlp",
            "model.big_mlp.1.up_proj",
            "transformer.h.1.attn.c_attn",
            "h.1.attn.c_attn",
            "model.kq_proj",
            "q_proj",
            "lm_head",
            "score.lm_head.inner",
            "model.embed_tokens");

    @TempDir
    Path temporary;

    private static List<JsonNode> ask(String program, Path... arguments) throws Exception {
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "no reference Python: LOWRANK_REFERENCE_PYTHON is not set");
        List<String> command = new ArrayList<>(List.of(python, "-c", program));
        for (Path argument : arguments) {
            command.add(argument.toString());
        }
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("HF_HUB_OFFLINE", "1");
        builder.environment().put("TRANSFORMERS_VERBOSITY", "error");
        builder.environment().put("TQDM_DISABLE", "1");
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return out.lines().map(JsonMapper.shared()::readTree).toList();
    }

    @Test
    void everythingWeWriteLoadsInPeftWithNothingMissingOrUnexpected() throws Exception {
        Path golden = SharedData.require("golden");
        List<String> lines = new ArrayList<>();
        for (String adapter : List.of(
                "llama/dora-r4",
                "llama/ia3",
                "llama/lora-all-linear-r8",
                "llama/lora-layers-1-2",
                "llama/lora-modules-to-save",
                "llama/lora-rank-pattern",
                "llama/prefix-tuning",
                "llama/prompt-tuning",
                "llama/rslora-r8",
                "gpt2/lora-all-linear-r8",
                "gpt2/lora-attention-r4")) {
            Path folder = temporary.resolve(adapter.replace('/', '-'));
            try (PeftFolder read = PeftFolder.open(golden.resolve(adapter))) {
                PeftFolder.write(
                        folder,
                        read.config(),
                        read.keys().stream().map(read::tensor).toList());
            }
            lines.add(golden.resolve(adapter).resolveSibling("model") + "|" + folder);
        }
        lines.add(golden.resolve("gpt2/model") + "|" + withBiases(golden.resolve("gpt2/model"), PeftLora.Bias.ALL));
        lines.add(golden.resolve("gpt2/model") + "|" + withBiases(golden.resolve("gpt2/model"), PeftLora.Bias.ADAPTED));
        List<JsonNode> answers = ask(LOAD, Files.write(temporary.resolve("lines"), lines));
        assertThat(answers).hasSize(lines.size());
        for (int i = 0; i < answers.size(); i++) {
            assertThat(answers.get(i).toString())
                    .as(lines.get(i))
                    .isEqualTo("{\"missing\":[],\"unexpected\":[],\"warnings\":[],\"same\":true}");
        }
    }

    /** A pattern for the modules, all of c_attn and c_fc adapted, and biases that differ from the base's. */
    private Path withBiases(Path model, PeftLora.Bias bias) throws IOException {
        PeftLora config = new PeftLora(
                PeftModules.of(new PeftTargets.Expression(PeftPattern.of(".*\\.(c_attn|c_fc)"))),
                2,
                3,
                0,
                PeftPatterns.of(Map.of("c_fc", 1)),
                PeftPatterns.of(Map.of("attn.c_attn", 0.5)),
                bias,
                true,
                false,
                true,
                PeftLora.Init.GAUSSIAN,
                "gpt2");
        List<NamedTensor> tensors = new ArrayList<>();
        try (ModelFolder base = ModelFolder.open(model)) {
            for (String name : base.tensorNames()) {
                String module = "transformer."
                        + name.replaceFirst("^transformer\\.", "").replaceFirst("\\.[a-z]+$", "");
                long[] shape = base.info(name).shape();
                boolean adapted = config.modules().targets(module);
                if (name.endsWith(".bias") && (adapted || bias == PeftLora.Bias.ALL)) {
                    tensors.add(filled(PeftKey.bias(config, module), shape));
                } else if (name.endsWith(".weight") && adapted) {
                    tensors.add(filled(PeftKey.loraA(module), config.rank(module), shape[0]));
                    tensors.add(filled(PeftKey.loraB(module), shape[1], config.rank(module)));
                }
            }
        }
        assertThat(tensors).hasSizeGreaterThan(12);
        Path folder = temporary.resolve("biases-" + bias);
        PeftFolder.write(folder, config, tensors);
        return folder;
    }

    private static NamedTensor filled(PeftKey key, long... shape) {
        float[] values = new float
                [(int) Stream.of(shape)
                        .mapToLong(s -> s.length == 1 ? s[0] : s[0] * s[1])
                        .sum()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(key.path().hashCode() + i);
        }
        return new NamedTensor(key, shape, values);
    }

    @Test
    void modulesRanksAndScalesAreThoseOfPeft() throws Exception {
        Map<String, Integer> ranks = new LinkedHashMap<>();
        ranks.put("layers\\.1\\..*", 3);
        ranks.put("q_proj|up_proj", 5);
        List<PeftModules> choices = List.of(
                PeftModules.listed(List.of("q_proj", "mlp.up_proj", "c_attn", "lm_head")),
                PeftModules.listed(List.of("q_proj", "up_proj")).saving(List.of("mlp", "lm_head")),
                new PeftModules(
                        new PeftTargets.Listed(List.of("q_proj", "up_proj", "c_attn")),
                        new PeftTargets.Listed(List.of("experts.1.up_proj")),
                        List.of(1, 2),
                        List.of(),
                        List.of()),
                new PeftModules(
                        new PeftTargets.Listed(List.of("up_proj", "c_attn", "model.layers.0.self_attn.q_proj")),
                        null,
                        List.of(1),
                        List.of("experts", "h", "layers"),
                        List.of()),
                new PeftModules(
                        new PeftTargets.Expression(PeftPattern.of("model\\.layers\\.\\d\\..*proj|lm_.*")),
                        new PeftTargets.Expression(PeftPattern.of(".*(?=v_proj).*")),
                        List.of(),
                        List.of(),
                        List.of("mlp")));
        List<String> folders = new ArrayList<>();
        List<PeftLora> configs = new ArrayList<>();
        for (PeftModules modules : choices) {
            PeftLora config = new PeftLora(
                    modules,
                    2,
                    7,
                    0,
                    PeftPatterns.of(ranks),
                    PeftPatterns.of(Map.of("^model.layers.1.self_attn.q_proj", 0.5)),
                    PeftLora.Bias.NONE,
                    !configs.isEmpty(),
                    false,
                    false,
                    PeftLora.Init.KAIMING,
                    null);
            Path folder = Files.createDirectory(temporary.resolve("choice" + configs.size()));
            Files.writeString(folder.resolve(PeftFolder.CONFIG), config.toJson());
            configs.add(config);
            folders.add(folder.toString());
        }
        List<JsonNode> answers = ask(
                MATCH,
                Files.write(temporary.resolve("folders"), folders),
                Files.writeString(
                        temporary.resolve("paths"), JsonMapper.shared().writeValueAsString(PATHS)));
        for (int c = 0; c < configs.size(); c++) {
            for (int p = 0; p < PATHS.size(); p++) {
                String path = PATHS.get(p);
                JsonNode wanted = answers.get(c).get(p);
                String what = "choice %d on %s".formatted(c, path);
                assertThat(configs.get(c).modules().targets(path))
                        .as(what)
                        .isEqualTo(wanted.get(0).booleanValue());
                assertThat(configs.get(c).rank(path))
                        .as(what)
                        .isEqualTo(wanted.get(1).intValue());
                assertThat(configs.get(c).scale(path))
                        .as(what)
                        .isEqualTo(wanted.get(2).doubleValue());
            }
        }
    }
}
