package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.cli.CommandLineRun;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.kernels.Devices;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every family and every adapter of the conformance data, where it lies beside the project: what `lowrank train` computes
 * at each step is what the reference computed. {@code LOWRANK_GOLDEN} names another set of the same form.
 */
class GoldenTest {
    private static final int ROWS = 4;
    private static final int LENGTH = 40;

    @TempDir
    private Path folder;

    /** What it is computed on, by name. */
    String device() {
        return "cpu";
    }

    static Stream<Path> families() throws IOException {
        return GoldenData.families();
    }

    static Stream<Arguments> traces() throws IOException {
        return GoldenData.traces("trace.json");
    }

    static Stream<Path> quantizedCheckpoints() throws IOException {
        return GoldenData.families().filter(family -> Files.exists(family.resolve("model-nf4")));
    }

    static Stream<Arguments> preferences() throws IOException {
        return GoldenData.traces("dpo.json");
    }

    @ParameterizedTest
    @MethodSource("families")
    void forwardAgrees(Path family) {
        try (SafetensorsFile reference = SafetensorsFile.open(family.resolve("forward.safetensors"))) {
            assertLogitsAgree(family, null, reference.floats("logits"), 1e-4);
        }
    }

    @ParameterizedTest
    @MethodSource("traces")
    void everyStepAgrees(Path family, String name) throws IOException {
        JsonNode trace = trace(family, name);
        Path base = train(family, name, trace, "");
        Conformance.assertTraceAgrees(folder.resolve("out/metrics.jsonl"), trace.get("steps"), "lr");
        if (name.equals("full")) {
            return;
        }
        Path reference = family.resolve(name);
        boolean quantized = trace.has("quantization");
        Conformance.assertAdaptersAgree(folder.resolve("out"), reference, 1e-3);
        try (SafetensorsFile after = SafetensorsFile.open(reference.resolve("after.safetensors"))) {
            float[] logits = after.floats("logits_after");
            if (quantized) {
                // The reference computes these, and these alone, in bf16.
                assertLogitsAgree(family, base, Precision.nf4(true), reference, logits, 0.1);
                assertLogitsAgree(family, base, Precision.nf4(true), null, after.floats("logits_before"), 0.1);
            } else {
                assertLogitsAgree(family, reference, logits, 1e-4);
                assertLogitsAgree(family, folder.resolve("out"), logits, 1e-3);
            }
        }
    }

    /** The same in bfloat16, which rounds activations and factors to 8 bits. */
    @ParameterizedTest
    @MethodSource("traces")
    void everyStepInBf16StaysNear(Path family, String name) throws IOException {
        JsonNode trace = trace(family, name);
        train(family, name, trace, ", \"dtype\": \"bfloat16\"");
        Conformance.assertLossesAreNear(folder.resolve("out/metrics.jsonl"), trace.get("steps"));
    }

    private static JsonNode trace(Path family, String name) throws IOException {
        return JsonMapper.shared()
                .readTree(Files.readString(family.resolve(name).resolve("trace.json")));
    }

    /** Trains as the reference did, from its first adapter, and returns the base this was done on. */
    private Path train(Path family, String name, JsonNode trace, String training) throws IOException {
        Path model = family.resolve("model");
        if (name.equals("full")) {
            run(model, rowsFile(family), "full", trace, "", training);
            return model;
        }
        Path start = Files.createDirectories(folder.resolve("start"));
        Path reference = family.resolve(name);
        Files.copy(reference.resolve("adapter_config.json"), start.resolve("adapter_config.json"));
        Files.copy(reference.resolve("initial.safetensors"), start.resolve("adapter_model.safetensors"));
        boolean quantized = trace.has("quantization");
        Path base = quantized ? ReferenceScales.round(model, folder) : model;
        String method = quantized ? "qlora" : method(reference);
        run(base, rowsFile(family), method, trace, "\"initial_adapter\": \"%s\",".formatted(start), training);
        return base;
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("preferences")
    void everyStepOfPreferenceTuningAgrees(Path family, String name) throws IOException {
        Path reference = family.resolve(name);
        JsonNode trace = JsonMapper.shared().readTree(Files.readString(reference.resolve("dpo.json")));
        Path start = Files.createDirectories(folder.resolve("start"));
        Files.copy(reference.resolve("adapter_config.json"), start.resolve("adapter_config.json"));
        Files.copy(reference.resolve("initial.safetensors"), start.resolve("adapter_model.safetensors"));
        run(
                family.resolve("model"),
                pairsFile(reference),
                "dpo",
                trace,
                "\"initial_adapter\": \"%s\",".formatted(start),
                ", \"beta\": " + trace.get("beta"));
        Conformance.assertPreferencesAgree(folder.resolve("out/metrics.jsonl"), trace.get("steps"));
        Conformance.assertAdaptersAgree(folder.resolve("out"), reference, 1e-3);
    }

    /** A base that bitsandbytes has quantized computes, bit for bit, what quantizing the same base here does. */
    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("quantizedCheckpoints")
    void aQuantizedCheckpointIsReadAsItIs(Path family) {
        float[] quantizedHere = logits(family, family.resolve("model"), Precision.nf4(true), null);
        float[] quantizedThere = logits(family, family.resolve("model-nf4"), Precision.FROZEN, null);
        assertThat(quantizedThere).isEqualTo(quantizedHere);
    }

    private static String method(Path reference) throws IOException {
        JsonNode config = JsonMapper.shared().readTree(Files.readString(reference.resolve("adapter_config.json")));
        return switch (config.get("peft_type").asString()) {
            case "IA3" -> "ia3";
            case "PREFIX_TUNING" -> "prefix-tuning";
            case "PROMPT_TUNING" -> "prompt-tuning";
            default -> "lora";
        };
    }

    private void run(Path base, Path rows, String method, JsonNode trace, String more, String training)
            throws IOException {
        JsonNode o = trace.get("optimizer");
        String spec = """
                {"base_model": "%s", "training_file": "%s", "format": "tokenized", "method": "%s", %s
                 "training": {"epochs": 4, "max_steps": %d, "micro_batch_size": 4, "gradient_accumulation": %d,
                              "learning_rate": %s, "schedule": "%s", "warmup_steps": %d, "weight_decay": %s,
                              "betas": %s, "epsilon": %s, "max_grad_norm": %s%s}}
                """.formatted(
                        base,
                        rows,
                        method,
                        more,
                        o.get("steps").asInt(),
                        o.get("gradient_accumulation").asInt(),
                        o.get("peak_lr"),
                        o.get("schedule").asString(),
                        o.get("warmup_steps").asInt(),
                        o.get("weight_decay"),
                        o.get("betas"),
                        o.get("eps"),
                        o.get("max_grad_norm"),
                        training);
        Path file = Files.writeString(folder.resolve("spec.json"), spec);
        CommandLineRun ran = CommandLineRun.of(
                "train", file.toString(), "--output", folder.resolve("out").toString(), "--device", device(), "--json");
        assertThat(ran.code()).as(ran.err()).isZero();
    }

    /** The six micro-batches as rows of token ids, without their padding. */
    private Path rowsFile(Path family) throws IOException {
        List<String> lines = new ArrayList<>();
        try (SafetensorsFile batches = SafetensorsFile.open(family.resolve("batches.safetensors"))) {
            for (int k = 0; k < 6; k++) {
                long[] ids = batches.longs("input_ids." + k);
                long[] labels = batches.longs("labels." + k);
                for (int row = 0; row < ROWS; row++) {
                    int from = row * LENGTH;
                    int to = from + length(batches, k, row);
                    lines.add("{\"input_ids\": %s, \"labels\": %s}"
                            .formatted(
                                    Arrays.toString(Arrays.copyOfRange(ids, from, to)),
                                    Arrays.toString(Arrays.copyOfRange(labels, from, to))));
                }
            }
        }
        return Files.write(folder.resolve("rows.jsonl"), lines);
    }

    /** The six batches of four pairs. */
    private Path pairsFile(Path reference) throws IOException {
        List<String> lines = new ArrayList<>();
        try (SafetensorsFile pairs = SafetensorsFile.open(reference.resolve("pairs.safetensors"))) {
            for (int k = 0; k < 6; k++) {
                for (int row = 0; row < ROWS; row++) {
                    lines.add("{\"chosen\": %s, \"rejected\": %s}"
                            .formatted(side(pairs, "chosen", k, row), side(pairs, "rejected", k, row)));
                }
            }
        }
        return Files.write(folder.resolve("pairs.jsonl"), lines);
    }

    private static String side(SafetensorsFile pairs, String side, int batch, int row) {
        int from = row * LENGTH;
        int to = from + length(pairs, batch, row);
        long[] ids = pairs.longs("%s_ids.%d".formatted(side, batch));
        long[] labels = pairs.longs("%s_labels.%d".formatted(side, batch));
        return "{\"input_ids\": %s, \"labels\": %s}"
                .formatted(
                        Arrays.toString(Arrays.copyOfRange(ids, from, to)),
                        Arrays.toString(Arrays.copyOfRange(labels, from, to)));
    }

    private static int length(SafetensorsFile batches, int batch, int row) {
        long[] mask = batches.longs("attention_mask." + batch);
        return (int) Arrays.stream(mask, row * LENGTH, (row + 1) * LENGTH).sum();
    }

    private void assertLogitsAgree(Path family, Path adapter, float[] reference, double most) {
        assertLogitsAgree(family, family.resolve("model"), Precision.FROZEN, adapter, reference, most);
    }

    private void assertLogitsAgree(
            Path family, Path base, Precision precision, Path adapter, float[] reference, double most) {
        float[] ours = logits(family, base, precision, adapter);
        int vocabulary = reference.length / (ROWS * LENGTH);
        int at = 0;
        for (int row = 0; row < ROWS; row++) {
            int count = batch(family).get(row).length * vocabulary;
            int from = row * LENGTH * vocabulary;
            assertThat(Conformance.largestDifference(
                            Arrays.copyOfRange(ours, at, at + count),
                            Arrays.copyOfRange(reference, from, from + count),
                            count))
                    .as("row " + row)
                    .isLessThan(most);
            at += count;
        }
    }

    /** Logits of batch 0, row after row without padding. */
    private float[] logits(Path family, Path base, Precision precision, Path adapter) {
        try (Kernels kernels = Devices.open(device(), 2);
                Workspace memory = kernels.workspace();
                Workspace scratch = kernels.workspace();
                ModelFolder folder = ModelFolder.open(base);
                Transformer model = Transformer.load(folder, precision, kernels)) {
            if (adapter != null) {
                try (PeftFolder peft = PeftFolder.open(adapter)) {
                    Adapters.open(peft, model, false, kernels, memory).attach();
                }
            }
            Tape tape = Tape.forwardOnly(kernels, scratch);
            Tensor logits = model.logits(tape, model.hidden(tape, TokenBatch.of(batch(family))), 0);
            float[] values = new float[Math.toIntExact(logits.size())];
            kernels.download(logits, values, 0);
            return values;
        }
    }

    /** The rows of batch 0. */
    private static List<int[]> batch(Path family) {
        try (SafetensorsFile batches = SafetensorsFile.open(family.resolve("batches.safetensors"))) {
            List<int[]> rows = new ArrayList<>();
            long[] ids = batches.longs("input_ids.0");
            for (int row = 0; row < ROWS; row++) {
                int from = row * LENGTH;
                rows.add(Arrays.stream(ids, from, from + length(batches, 0, row))
                        .mapToInt(Math::toIntExact)
                        .toArray());
            }
            return rows;
        }
    }
}
