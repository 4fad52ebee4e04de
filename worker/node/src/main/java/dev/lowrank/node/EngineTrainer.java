package dev.lowrank.node;

import dev.lowrank.engine.adapter.AdapterCheck;
import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.Ending;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.RunControl;
import dev.lowrank.engine.train.RunPlan;
import dev.lowrank.engine.train.TrainingRun;
import dev.lowrank.kernels.Devices;
import dev.lowrank.kernels.Kernels;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The real engine on one of this machine's devices. */
final class EngineTrainer implements Trainer {
    private final Kernels kernels;

    /** @throws dev.lowrank.kernels.DeviceException if there is no such device, or it cannot be used */
    EngineTrainer(String device, int threads) {
        kernels = Devices.open(device, threads);
    }

    @Override
    public String device() {
        return kernels.device();
    }

    @Override
    public String baseSha256(Path base) {
        try (ModelFolder model = ModelFolder.open(base)) {
            return model.sha256();
        }
    }

    @Override
    public Training open(TrainingSpec spec, Path directory) {
        return new EngineTraining(TrainingRun.open(spec, directory, kernels));
    }

    @Override
    public Verdict verify(Path output, Path base, @Nullable HeldOut heldOut) {
        return AdapterCheck.verify(output, base, heldOut);
    }

    @Override
    public void close() {
        kernels.close();
    }

    private record EngineTraining(TrainingRun run) implements Training {
        @Override
        public RunPlan plan() {
            return run.plan();
        }

        @Override
        public int completedSteps() {
            return run.completedSteps();
        }

        @Override
        public int resultStep() {
            return run.resultStep();
        }

        @Override
        public Ending train(RunControl control) {
            return run.train(control);
        }

        @Override
        public @Nullable HeldOut evaluate() {
            return run.evaluate();
        }

        @Override
        public void writeOutput(Path folder) {
            run.writeOutput(folder);
        }

        @Override
        public void close() {
            run.close();
        }
    }
}
