package dev.lowrank.engine.model;

import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What every block of one forward pass needs besides the stream.
 *
 * @param positions I32 [N]
 * @param prefix learned keys and values [P, layers * 2 * G * D], or null
 * @param cache keys and values of what went before, or null
 */
record Pass(
        Tensor positions,
        Sequences sequences,
        List<RotaryTable> rotary,
        @Nullable Parameter prefix,
        @Nullable KeyValueCache cache) {
    /** Sequences whose keys have {@code prefix} rows more in front than they have queries. */
    static Sequences behind(int prefix, int[] starts) {
        int[] keyStarts = starts.clone();
        for (int s = 0; s < starts.length; s++) {
            keyStarts[s] += s * prefix;
        }
        return new Sequences(starts, keyStarts);
    }
}
