package dev.lowrank.engine.bench;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.spec.ComputeType;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.DryRun;
import dev.lowrank.engine.train.Estimate;
import dev.lowrank.engine.train.ProcessMemory;
import dev.lowrank.engine.train.StepMetrics;
import dev.lowrank.engine.train.TrainingFailure;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Devices;
import dev.lowrank.kernels.Kernels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Takes the steps of a real run on random tokens, and measures them. */
public final class Bench {
    /** What AdamW and its learning rate are in the benchmark that this one is compared with: PyTorch's defaults. */
    private static final double LEARNING_RATE = 1e-4;

    private static final double WEIGHT_DECAY = 0.01;

    private final BenchOptions options;
    private final int peakSide;
    private final Consumer<String> out;

    /** @param peakSide of the product that everything is compared with */
    Bench(BenchOptions options, int peakSide, Consumer<String> out) {
        this.options = options;
        this.peakSide = peakSide;
        this.out = out;
    }

    /**
     * Measures, telling of each step.
     *
     * @throws InputException if the model folder cannot be used
     * @throws TrainingFailure if a step's figures are no numbers, or zero
     */
    public static BenchResult run(BenchOptions options, Consumer<String> out) {
        return new Bench(options, ProductPeak.SIDE, out).run();
    }

    /**
     * What the steps would take, without taking them.
     *
     * @throws InputException if the model folder cannot be used
     */
    public static Estimate estimate(BenchOptions options) {
        Bench bench = new Bench(options, ProductPeak.SIDE, line -> {});
        return bench.onModel((model, kernels) ->
                Estimate.of(bench.spec(), model, bench.rows(model), bench.compute(kernels), kernels));
    }

    BenchResult run() {
        Profile profile = options.profile() ? new Profile() : null;
        return onModel((model, kernels) -> {
            out.accept(kernels.device());
            return run(model, kernels, profile);
        });
    }

    private <T> T onModel(BiFunction<ModelSource, Kernels, T> use) {
        try (Kernels kernels = Devices.open(options.device(), options.threads())) {
            Shape shape = Shape.named(options.shape()).orElse(null);
            if (shape != null) {
                return use.apply(new RandomModel(shape, options.seed()), kernels);
            }
            try (ModelFolder folder = ModelFolder.open(Path.of(options.shape()))) {
                return use.apply(folder, kernels);
            }
        }
    }

    private BenchResult run(ModelSource model, Kernels kernels, @Nullable Profile profile) {
        long before = ProcessMemory.now();
        DType compute = compute(kernels);
        Dataset rows = rows(model);
        List<Double> seconds = new ArrayList<>();
        List<StepMetrics> steps = new ArrayList<>();
        Kernels used = profile == null ? kernels : TimedKernels.of(kernels, profile);
        try (DryRun run = DryRun.open(spec(), model, rows, compute, used)) {
            out.accept(run.memory().toString());
            for (int i = 0; i < options.warmup(); i++) {
                step(run, "warm-up");
            }
            if (profile != null) {
                profile.restart();
            }
            for (int i = 0; i < options.steps(); i++) {
                long began = System.nanoTime();
                steps.add(step(run, "step"));
                seconds.add((System.nanoTime() - began) / 1e9);
            }
            return new BenchResult(
                    options,
                    compute == DType.BF16 ? ComputeType.BFLOAT16 : ComputeType.FLOAT32,
                    kernels.device(),
                    run.memory().base().parameters(),
                    run.trainableParameters(),
                    run.memory().checkpointing(),
                    List.copyOf(seconds),
                    List.copyOf(steps),
                    before,
                    run.memory().bytes(),
                    ProcessMemory.peak(),
                    run.products(),
                    ProductPeak.measure(kernels, compute, peakSide),
                    profile == null ? List.of() : profile.lines(seconds));
        }
    }

    private DType compute(Kernels kernels) {
        return switch (options.compute()) {
            case FLOAT32 -> DType.F32;
            case BFLOAT16 -> DType.BF16;
            case AUTO -> kernels.multipliesBf16() ? DType.BF16 : DType.F32;
        };
    }

    private Dataset rows(ModelSource model) {
        Architecture architecture =
                Architecture.read(model.config(), model.path().resolve("config.json"));
        if (options.length() > architecture.maxPositions()) {
            throw new InputException("The model was made for at most %d positions; lower --length to that."
                    .formatted(architecture.maxPositions()));
        }
        int rows = Math.multiplyExact(options.warmup() + options.steps(), options.batch());
        return RandomRows.draw(rows, options.length(), architecture.vocabulary(), options.seed());
    }

    private StepMetrics step(DryRun run, String kind) {
        StepMetrics metrics = run.next();
        if (metrics.loss() == 0 || metrics.gradNorm() == 0) {
            throw new TrainingFailure(
                    "nothing_computed",
                    "Step %d has a loss of %s and a gradient of norm %s, so it computed nothing; its speed means nothing."
                            .formatted(metrics.step(), metrics.loss(), metrics.gradNorm()));
        }
        out.accept(BenchText.step(kind, metrics));
        return metrics;
    }

    private TrainingSpec spec() {
        JsonNodeFactory json = JsonNodeFactory.instance;
        ObjectNode spec = json.objectNode()
                .put("base_model", options.shape())
                .put("training_file", "random tokens")
                .put("format", "tokenized")
                .put("method", options.method().key());
        if (options.method() != Method.FULL) {
            spec.putObject("adapter").put("rank", options.rank()).put("alpha", 2 * options.rank());
        }
        spec.putObject("training")
                .put("micro_batch_size", options.batch())
                .put("max_length", options.length())
                .put("learning_rate", LEARNING_RATE)
                .put("weight_decay", WEIGHT_DECAY)
                .put("schedule", "constant")
                .put("seed", options.seed())
                .put("dtype", options.compute().key())
                .put("gradient_checkpointing", options.checkpointing().key());
        return SpecJson.read(spec).spec();
    }
}
