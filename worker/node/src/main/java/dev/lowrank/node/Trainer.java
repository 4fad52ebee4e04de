package dev.lowrank.node;

import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.HeldOut;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What a worker needs of the engine. */
interface Trainer extends AutoCloseable {
    /** What it trains on, for people. */
    String device();

    /** The identity of a base, from its files; throws {@code InputException} if it is none. */
    String baseSha256(Path base);

    /** Loads everything and goes to the newest checkpoint below {@code directory}, as {@code TrainingRun.open} does. */
    Training open(TrainingSpec spec, Path directory);

    /** Reads what was written again and judges it. */
    Verdict verify(Path output, Path base, @Nullable HeldOut heldOut);

    @Override
    void close();
}
