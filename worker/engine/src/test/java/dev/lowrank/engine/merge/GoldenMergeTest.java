package dev.lowrank.engine.merge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.SafetensorsFile;
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
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every adapter of the conformance data that a weight can express, against what PEFT merged and computed. */
class GoldenMergeTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> mergeable() throws IOException {
        List<Arguments> all = new ArrayList<>();
        Path golden = SharedData.require("golden");
        try (Stream<Path> configs = Files.find(golden, 3, (p, a) -> p.endsWith("adapter_config.json"))) {
            for (Path adapter : configs.map(Path::getParent).sorted().toList()) {
                try (PeftFolder peft = PeftFolder.open(adapter)) {
                    boolean weights = peft.config() instanceof PeftLora || peft.config() instanceof PeftIa3;
                    if (weights && !adapter.getFileName().toString().startsWith("qlora")) {
                        all.add(Arguments.of(
                                adapter.getParent(), adapter.getFileName().toString()));
                    }
                }
            }
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("mergeable")
    void mergedFolderHoldsWhatPeftMergedAndAnswersAsTheAdapterDoes(Path family, String name) {
        Path base = family.resolve("model");
        Path adapter = family.resolve(name);
        Path merged = folder.resolve("merged");
        try (Kernels kernels = CpuKernels.open(2)) {
            MergeReport report = ModelMerge.write(base, adapter, merged, null, 5_000_000_000L, kernels);
            assertThat(report.changed()).isPositive();
        }
        assertThat(Logits.largestDifference(Logits.of(family, merged, null), Logits.of(family, base, adapter)))
                .isLessThan(1e-4);
        if (!Files.exists(adapter.resolve("after.safetensors"))) {
            return;
        }
        try (SafetensorsFile after = SafetensorsFile.open(adapter.resolve("after.safetensors"));
                ModelFolder written = ModelFolder.open(merged)) {
            assertThat(Logits.largestDifference(
                            Logits.of(family, merged, null),
                            Logits.withoutPadding(family, after.floats("logits_after"))))
                    .isLessThan(1e-4);
            for (String tensor : after.tensors().keySet()) {
                if (tensor.startsWith("merged.")) {
                    float[] ours = written.floats(tensor.substring("merged.".length()));
                    assertThat(Logits.largestDifference(ours, after.floats(tensor)))
                            .isLessThan(1e-6);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("mergeable")
    void takingMergedWeightsOutGivesTheBaseBackBitForBit(Path family, String name) {
        try (Kernels kernels = CpuKernels.open(2);
                Workspace memory = kernels.workspace();
                ModelFolder base = ModelFolder.open(family.resolve("model"));
                PeftFolder peft = PeftFolder.open(family.resolve(name));
                Transformer model = Transformer.load(base, Precision.FROZEN, kernels)) {
            float[] before = Logits.of(family, model, kernels);
            MergedWeights weights = MergedWeights.of(peft, model, kernels, memory);
            assertThat(Logits.of(family, model, kernels)).isEqualTo(before);
            weights.merge();
            float[] merged = Logits.of(family, model, kernels);
            assertThat(Logits.largestDifference(
                            merged, Logits.of(family, family.resolve("model"), family.resolve(name))))
                    .isLessThan(1e-4);
            assertThat(merged).isNotEqualTo(before);
            weights.unmerge();
            assertThat(Logits.of(family, model, kernels)).isEqualTo(before);
        }
    }
}
