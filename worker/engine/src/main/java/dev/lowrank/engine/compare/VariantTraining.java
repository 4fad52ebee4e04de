package dev.lowrank.engine.compare;

import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.CheckpointFolder;
import dev.lowrank.engine.train.RunControl;
import dev.lowrank.engine.train.RunPlan;
import dev.lowrank.engine.train.StepMetrics;
import dev.lowrank.engine.train.TrainingRun;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Trains one variant in a process of its own, so that the process' peak memory is the variant's. */
final class VariantTraining implements RunControl {
    private final PrintStream parent;
    private final List<Double> speeds = new ArrayList<>();
    private long began;
    private @Nullable Duration cpuBefore;
    private @Nullable Duration cpuAfter;
    private long lastStepEnded;
    private double lastLoss;

    private VariantTraining(PrintStream parent) {
        this.parent = parent;
    }

    static void run(Path folder, PrintStream parent) throws IOException {
        new VariantTraining(parent).train(folder, Task.read(folder));
    }

    private void train(Path folder, Task task) throws IOException {
        TrainingSpec spec = SpecJson.read(Objects.requireNonNull(task.spec())).spec();
        Path output = Task.output(folder);
        Trained trained;
        try (Kernels kernels = CpuKernels.open(task.threads())) {
            Long start = PeakMemory.ofThisProcess();
            try (TrainingRun run = TrainingRun.open(spec, output, kernels)) {
                cpuBefore = cpuTime();
                began = System.nanoTime();
                run.train(this);
                Long peak = PeakMemory.ofThisProcess();
                run.writeOutput(output);
                trained = trained(task, kernels, run.plan(), weightBytes(output), start, peak);
            }
        }
        Durable.write(folder.resolve(Task.TRAINED), JsonMapper.shared().writeValueAsBytes(trained));
    }

    private Trained trained(
            Task task, Kernels kernels, RunPlan plan, long weightBytes, @Nullable Long start, @Nullable Long peak) {
        return new Trained(
                task.trainingIdentity(),
                kernels.device(),
                plan.totalSteps(),
                plan.examples(),
                plan.trainableParameters(),
                plan.baseParameters(),
                weightBytes,
                (lastStepEnded - began) / 1e9,
                cpuSeconds(),
                median(speeds),
                start,
                peak,
                lastLoss);
    }

    @Override
    public void stepped(StepMetrics metrics) {
        lastStepEnded = System.nanoTime();
        if (metrics.step() == metrics.totalSteps()) {
            cpuAfter = cpuTime();
        }
        lastLoss = metrics.loss();
        speeds.add(metrics.tokensPerSecond());
        ChildProgress.tell(
                parent,
                "training",
                metrics.step(),
                metrics.totalSteps(),
                "loss %.3f  %,.0f tokens/s",
                metrics.loss(),
                metrics.tokensPerSecond());
    }

    /** The result is written when the run ends; nobody resumes a variant. */
    @Override
    public void checkpointed(CheckpointFolder checkpoint) {
        try {
            Durable.deleteTree(checkpoint.directory());
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot remove a checkpoint: " + e.getMessage(), e);
        }
    }

    private static long weightBytes(Path folder) throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                bytes += file.toString().endsWith(".safetensors") ? Files.size(file) : 0;
            }
        }
        return bytes;
    }

    private @Nullable Double cpuSeconds() {
        return cpuBefore == null || cpuAfter == null
                ? null
                : (Double) (cpuAfter.minus(cpuBefore).toMillis() / 1e3);
    }

    private static @Nullable Duration cpuTime() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(null);
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.isEmpty() ? 0 : sorted.get(sorted.size() / 2);
    }
}
