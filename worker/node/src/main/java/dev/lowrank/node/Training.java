package dev.lowrank.node;

import dev.lowrank.engine.train.Ending;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.RunControl;
import dev.lowrank.engine.train.RunPlan;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** One opened run; each method as in {@link dev.lowrank.engine.train.TrainingRun}. */
interface Training extends AutoCloseable {
    RunPlan plan();

    int completedSteps();

    int resultStep();

    Ending train(RunControl control);

    @Nullable
    HeldOut evaluate();

    void writeOutput(Path folder);

    @Override
    void close();
}
