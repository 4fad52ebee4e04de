package dev.lowrank.engine.analyze;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import org.jspecify.annotations.Nullable;

/**
 * What is trained and stored, against fine-tuning the whole base.
 *
 * @param trained values of the adapter
 * @param stored bytes of its weight file
 * @param trainingState bytes of weights, gradients and AdamW's two moments in fp32
 * @param full the same of the whole base; null if no base was given
 */
record Cost(
        long trained,
        long stored,
        long trainingState,
        @Nullable Full full) {
    private static final int STATE_BYTES = 16;
    private static final int SIXTEEN_BITS = 2;

    /** The same figures of training all of the base; a 4-bit base counts as the weights it stands for, stored in 16 bit. */
    record Full(long trained, long stored, long trainingState) {}

    static Cost of(PeftFolder adapter, @Nullable ModelFolder base) {
        long trained = adapter.parameters();
        try {
            return new Cost(
                    trained,
                    Files.size(adapter.path().resolve(PeftFolder.WEIGHTS)),
                    trained * STATE_BYTES,
                    base == null ? null : full(base));
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + adapter.path(), e);
        }
    }

    private static Full full(ModelFolder base) {
        long values = base.parameters();
        long bytes = 0;
        for (String name : base.tensorNames()) {
            bytes += base.isNf4(name)
                    ? SIXTEEN_BITS * base.nf4(name).rows() * base.nf4(name).columns()
                    : base.info(name).count() * base.info(name).dtype().bits() / 8;
        }
        return new Full(values, bytes, values * STATE_BYTES);
    }
}
