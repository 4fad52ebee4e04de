package dev.lowrank.engine.merge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.NamedTensor;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.Sentences;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelMergeTest {
    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");
    private static final Path BASE = FIXTURE.resolve("model");
    private static final Path ADAPTER = FIXTURE.resolve("trained-adapter");
    private static final long LARGE = 5_000_000_000L;

    private final Kernels kernels = CpuKernels.open(2);

    @TempDir
    private Path temporary;

    @AfterEach
    void close() {
        kernels.close();
    }

    private Path output() {
        return temporary.resolve("merged");
    }

    private MergeReport merge(Path base, Path adapter, @Nullable StoredType type, long shardBytes) {
        return ModelMerge.write(base, adapter, output(), type, shardBytes, kernels);
    }

    @Test
    void shardsHoldNoMoreThanAskedAndAnIndexThatCoversThem() throws IOException {
        MergeReport report = merge(BASE, ADAPTER, null, 20_000);
        assertThat(report.shards()).isGreaterThan(2);
        try (ModelFolder merged = ModelFolder.open(output());
                ModelFolder base = ModelFolder.open(BASE);
                Stream<Path> files = Files.list(output())) {
            assertThat(merged.tensorNames()).containsExactlyInAnyOrderElementsOf(base.tensorNames());
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
                try (SafetensorsFile shard = SafetensorsFile.open(file)) {
                    long bytes = shard.tensors().values().stream()
                            .mapToLong(t -> t.end() - t.begin())
                            .sum();
                    assertThat(bytes <= 20_000 || shard.tensors().size() == 1)
                            .as(file.toString())
                            .isTrue();
                }
            }
            assertThat(output().resolve("model-00001-of-%05d.safetensors".formatted(report.shards())))
                    .exists();
            assertThat(output().resolve("model.safetensors.index.json"))
                    .content()
                    .contains("total_size");
        }
        assertThat(output().resolve("generation_config.json"))
                .hasSameBinaryContentAs(BASE.resolve("generation_config.json"));
        assertThat(temporary).isDirectoryNotContaining("glob:**.draft");
    }

    @ParameterizedTest
    @CsvSource({"BF16, bfloat16", "F16, float16", "F32, float32"})
    void everyValueHasTheTypeAskedForAndTheConfigurationSaysIt(StoredType type, String name) {
        merge(BASE, ADAPTER, type, LARGE);
        try (ModelFolder merged = ModelFolder.open(output())) {
            assertThat(merged.tensorNames())
                    .allSatisfy(
                            tensor -> assertThat(merged.info(tensor).dtype()).isEqualTo(type));
            assertThat(merged.config()
                            .path("dtype")
                            .asString(merged.config().path("torch_dtype").asString("")))
                    .isEqualTo(name);
        }
    }

    @Test
    void tokenizerAndChatTemplateLieBesideTheWeightsAsTheAdapterHasThem() throws IOException {
        Path base = copy(BASE, "base");
        Path adapter = copy(ADAPTER, "adapter");
        Files.writeString(base.resolve("tokenizer.json"), "of the base");
        Files.writeString(base.resolve("chat_template.jinja"), "of the base");
        Files.writeString(adapter.resolve("chat_template.jinja"), "as trained");
        merge(base, adapter, null, LARGE);
        assertThat(output().resolve("tokenizer.json")).hasContent("of the base");
        assertThat(output().resolve("chat_template.jinja")).hasContent("as trained");
    }

    @Test
    void valueThatIsNoNumberNamesTheLayerAndNothingIsWritten() {
        Path adapter = changedAdapter(Float.NaN);
        assertThat(Sentences.refusal(() -> merge(BASE, adapter, null, LARGE)))
                .contains("model.layers.0.self_attn.q_proj.weight", "not finite");
        assertThat(output()).doesNotExist();
        assertThat(temporary).isDirectoryNotContaining("glob:**.draft");
        try (Workspace memory = kernels.workspace();
                ModelFolder base = ModelFolder.open(BASE);
                PeftFolder peft = PeftFolder.open(adapter);
                Transformer model = Transformer.load(base, Precision.FROZEN, kernels)) {
            assertThat(Sentences.refusal(() -> MergedWeights.of(peft, model, kernels, memory)))
                    .contains("model.layers.0.self_attn.q_proj.weight");
        }
    }

    @Test
    void valueThatIsTooLargeForTheTypeIsRefused() {
        Path adapter = changedAdapter(1e7f);
        assertThat(Sentences.refusal(() -> merge(BASE, adapter, StoredType.F16, LARGE)))
                .contains("F16 cannot hold");
        merge(BASE, adapter, StoredType.BF16, LARGE);
    }

    @ParameterizedTest
    @CsvSource({
        "llama/prompt-tuning, virtual tokens",
        "llama/prefix-tuning, keys and values",
        "qwen2/lora-all-linear-r8, name the base"
    })
    void whatNoWeightCanExpressAndAdaptersOfOtherBasesAreRefused(String name, String says) {
        Path adapter = SharedData.require("golden/" + name);
        Path base = name.startsWith("llama") ? SharedData.require("golden/llama/model") : BASE;
        String refusal = Sentences.refusal(() -> merge(base, adapter, null, LARGE));
        assertThat(refusal).containsAnyOf(says, "name the base it was trained on");
        assertThat(output()).doesNotExist();
    }

    @Test
    void quantizedBaseIsRefusedWithTheRemedy() {
        Path base = SharedData.require("golden/llama/model-nf4");
        Path adapter = SharedData.require("golden/llama/qlora-all-linear-r8");
        assertThat(Sentences.refusal(() -> merge(base, adapter, null, LARGE))).contains("16-bit original");
        try (Workspace memory = kernels.workspace();
                ModelFolder folder = ModelFolder.open(SharedData.require("golden/llama/model"));
                PeftFolder peft = PeftFolder.open(adapter);
                Transformer model = Transformer.load(folder, Precision.nf4(true), kernels)) {
            assertThat(Sentences.refusal(() -> MergedWeights.of(peft, model, kernels, memory)))
                    .contains("16-bit original");
        }
    }

    @Test
    void folderThatIsThereIsNeverReplaced() throws IOException {
        Files.createDirectory(output());
        assertThat(Sentences.refusal(() -> merge(BASE, ADAPTER, null, LARGE))).contains("is there already");
        assertThat(output()).isEmptyDirectory();
    }

    @Test
    void driftOfAFourBitBaseIsLargerThanThatOfTheSameBase() {
        Path base = SharedData.require("golden/llama/model");
        Path adapter = SharedData.require("golden/llama/qlora-all-linear-r8");
        DriftMeter whole = DriftMeter.begin(base, adapter, null, Precision.FROZEN, kernels);
        DriftMeter fourBit = DriftMeter.begin(base, adapter, null, Precision.nf4(true), kernels);
        merge(base, adapter, null, LARGE);
        Drift none = whole.end(output());
        assertThat(none.largestDifference()).isLessThan(1e-4);
        assertThat(none.lossMerged()).isCloseTo(none.lossAsTrained(), offset(1e-5));
        assertThat(none.sameChoice()).isEqualTo(1);
        Drift drift = fourBit.end(output());
        assertThat(drift.trainedOn()).isEqualTo("nf4 double");
        assertThat(drift.tokens()).isEqualTo(128);
        assertThat(drift.meanDifference()).isBetween(1e-3, drift.largestDifference());
        assertThat(drift.lossMerged()).isEqualTo(none.lossMerged());
    }

    /** The trained adapter with one value of B of the first layer's q_proj replaced. */
    private Path changedAdapter(float value) {
        Path folder = temporary.resolve("adapter-" + value);
        PeftKey first = PeftKey.loraB("model.layers.0.self_attn.q_proj");
        try (PeftFolder adapter = PeftFolder.open(ADAPTER)) {
            List<NamedTensor> tensors = new ArrayList<>();
            for (PeftKey key : adapter.keys()) {
                float[] values = adapter.floats(key);
                if (key.equals(first)) {
                    values[0] = value;
                }
                tensors.add(new NamedTensor(key, adapter.shape(key), values));
            }
            PeftFolder.write(folder, adapter.config(), tensors);
        }
        return folder;
    }

    private Path copy(Path from, String name) throws IOException {
        Path to = Files.createDirectory(temporary.resolve(name));
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName().toString()));
            }
        }
        return to;
    }

    /** GPT-2's early files leave out the first part of every name, and hold masks. */
    @Test
    void namesAreCompletedAndMasksLeftOut() throws IOException {
        Path family = SharedData.require("golden/gpt2");
        Path base = Files.createDirectory(temporary.resolve("early"));
        Files.copy(family.resolve("model/config.json"), base.resolve("config.json"));
        SafetensorsWriter writer = new SafetensorsWriter();
        try (ModelFolder model = ModelFolder.open(family.resolve("model"))) {
            for (String name : model.tensorNames()) {
                writer.add(
                        name.replaceFirst("^transformer\\.", ""),
                        StoredType.F32,
                        model.info(name).shape(),
                        model.floats(name));
            }
        }
        writer.add("h.0.attn.bias", StoredType.F32, new long[] {1, 1, 2, 2}, new float[4]);
        writer.write(base.resolve("model.safetensors"));
        Path adapter = family.resolve("lora-all-linear-r8");
        merge(base, adapter, null, LARGE);
        float[] merged = Logits.of(family, output(), null);
        assertThat(Logits.largestDifference(merged, Logits.of(family, family.resolve("model"), adapter)))
                .isLessThan(1e-4);
        try (ModelFolder written = ModelFolder.open(output())) {
            assertThat(written.tensorNames()).allMatch(name -> name.startsWith("transformer."));
        }
    }
}
