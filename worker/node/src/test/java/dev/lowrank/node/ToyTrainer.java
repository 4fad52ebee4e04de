package dev.lowrank.node;

import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.Arithmetic;
import dev.lowrank.engine.train.BaseMemory;
import dev.lowrank.engine.train.CheckpointFolder;
import dev.lowrank.engine.train.Ending;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.MemoryPlan;
import dev.lowrank.engine.train.Room;
import dev.lowrank.engine.train.RunControl;
import dev.lowrank.engine.train.RunPlan;
import dev.lowrank.engine.train.StepMetrics;
import dev.lowrank.engine.train.Validation;
import dev.lowrank.kernels.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Trains nothing, in steps: its whole state is a number that each step changes, saved every {@code checkpoint_every_steps}
 * and at the end. A test may hook into any step, to hold it or to let it fail.
 */
final class ToyTrainer implements Trainer {
    static final int STEPS = 10;
    static final Verdict SOUND = new Verdict(List.of(new Verdict.Check("finite", true, "all are")), List.of("rank 8"));

    final Map<Integer, Runnable> before = new ConcurrentHashMap<>();
    final AtomicInteger opened = new AtomicInteger();
    volatile IntConsumer onStep = step -> {};
    volatile Runnable onOpen = () -> {};
    volatile @Nullable HeldOut heldOut = new HeldOut(3, 1, 0.25, 0.75, 50);
    volatile Verdict verdict = SOUND;
    /** Where the validation loss is lowest: one step later the run stops early. */
    volatile int bestStep = STEPS;

    private static final MemoryPlan MEMORY = new MemoryPlan(
            new BaseMemory(1000, 4000, 0, 0),
            4000,
            0,
            80,
            80,
            false,
            1 << 20,
            1 << 20,
            0,
            new Room(0, 1 << 30),
            GradientCheckpointing.AUTO);

    private static final Arithmetic ARITHMETIC = new Arithmetic(DType.F32, "Computes nothing.");

    volatile String baseSha256 = "a".repeat(64);

    @Override
    public String device() {
        return "toy";
    }

    @Override
    public String baseSha256(Path base) {
        return baseSha256;
    }

    @Override
    public Training open(TrainingSpec spec, Path directory) {
        opened.incrementAndGet();
        onOpen.run();
        return new ToyTraining(spec, directory);
    }

    @Override
    public Verdict verify(Path output, Path base, @Nullable HeldOut heldOut) {
        return verdict;
    }

    @Override
    public void close() {}

    private final class ToyTraining implements Training {
        private final TrainingSpec spec;
        private final Path checkpoints;
        private int step;
        private long state = 1;

        ToyTraining(TrainingSpec spec, Path directory) {
            this.spec = spec;
            this.checkpoints = directory.resolve("checkpoints");
            restore();
        }

        private void restore() {
            try {
                Files.createDirectories(checkpoints);
                try (Stream<Path> folders = Files.list(checkpoints)) {
                    for (Path folder : folders.sorted().toList()) {
                        String[] saved =
                                Files.readString(folder.resolve("state")).split(" ");
                        step = Integer.parseInt(saved[0]);
                        state = Long.parseLong(saved[1]);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public RunPlan plan() {
            return new RunPlan(STEPS, STEPS, 40, 400, 2, 10, 1000, null, ARITHMETIC, MEMORY);
        }

        @Override
        public int completedSteps() {
            return step;
        }

        @Override
        public int resultStep() {
            return step == bestStep + 1 ? bestStep : step;
        }

        @Override
        public Ending train(RunControl control) {
            int every = spec.training().checkpointEverySteps();
            while (step < STEPS && step <= bestStep) {
                before.getOrDefault(step + 1, () -> {}).run();
                if (control.stopRequested()) {
                    save(control);
                    return Ending.STOPPED;
                }
                step++;
                state = state * 6364136223846793005L + step;
                StepMetrics metrics = new StepMetrics(step, STEPS, 3.0 / step, 1, 1e-4, 40, 1000, 0.5, null);
                control.stepped(metrics);
                onStep.accept(step);
                if (step >= bestStep && bestStep < STEPS) {
                    control.evaluating(metrics);
                    control.evaluated(
                            new Validation(step, STEPS, step == bestStep ? 1.25 : 1.5, 0.5, null, step == bestStep));
                }
                if (step % every == 0 || step == STEPS || step > bestStep) {
                    save(control);
                }
            }
            if (step < STEPS) {
                control.stoppedEarly("Stopped early.");
                return Ending.STOPPED_EARLY;
            }
            return Ending.FINISHED;
        }

        private void save(RunControl control) {
            Path folder = checkpoints.resolve("step-%06d".formatted(step));
            if (step == 0 || Files.exists(folder)) {
                return;
            }
            try {
                Files.createDirectories(folder);
                Files.writeString(folder.resolve("state"), step + " " + state);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            control.checkpointed(new CheckpointFolder(folder, step, "f".repeat(64), 10));
        }

        @Override
        public @Nullable HeldOut evaluate() {
            return heldOut;
        }

        @Override
        public void writeOutput(Path folder) {
            try {
                Files.createDirectories(folder);
                Files.writeString(folder.resolve("adapter"), "state " + state);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {}
    }
}
