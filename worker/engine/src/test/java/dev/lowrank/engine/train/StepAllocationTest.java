package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a warm step leaves behind off the heap: nothing. What it leaves on it, 0.3 MB in a JVM of its own, is no subject for a
 * suite: which vectors the compiler makes objects of depends on everything that ran before.
 */
class StepAllocationTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"float32", "bfloat16"})
    void stepsOfAnyLengthReserveNothingOnceTheRunIsOpen(String dtype) throws IOException {
        ShapedModel.SMOLLM_LIKE.write(folder.resolve("model"));
        Files.write(
                folder.resolve("rows.jsonl"),
                IntStream.range(0, 60).mapToObj(i -> row(20 + 7 * i % 40)).toList());
        TinyRun tiny = new TinyRun()
                .with("base_model", folder.resolve("model").toString())
                .with("training_file", folder.resolve("rows.jsonl").toString())
                .training("gradient_accumulation", 1)
                .training("checkpoint_every_steps", 1000)
                .training("dtype", dtype);
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = tiny.open(folder.resolve(dtype), kernels)) {
            long reserved = run.taken().reserved();
            run.train(new RunControl() {});
            assertThat(run.taken().reserved()).isEqualTo(reserved);
        }
    }

    private static String row(int length) {
        List<Integer> ids =
                IntStream.range(0, length).map(i -> 3 + i % 900).boxed().toList();
        return "{\"input_ids\": %s, \"labels\": %s}".formatted(ids, ids);
    }
}
