package dev.lowrank.engine.adapter;

import dev.lowrank.engine.train.HeldOut;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Re-reads what a run wrote and says whether it is sound. */
public final class AdapterCheck {
    private AdapterCheck() {}

    /**
     * Checks a written adapter (or model) folder: it reads back, every value is finite, the change is not zero, the
     * held-out loss is better than the base's, and the chat template and tokenizer lie beside it.
     *
     * @param heldOut null when nothing was held out
     */
    public static Verdict verify(Path folder, Path base, @Nullable HeldOut heldOut) {
        throw new UnsupportedOperationException("being built");
    }
}
