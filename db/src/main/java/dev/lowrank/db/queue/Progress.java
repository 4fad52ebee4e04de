package dev.lowrank.db.queue;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How far an attempt is.
 *
 * @param step optimizer steps done
 * @param totalSteps null before they are known
 * @param nextWithin the attempt counts as lost if it reports nothing for this long
 * @param remaining until the job ends, or null if that cannot be said
 */
public record Progress(
        Phase phase,
        int step,
        @Nullable Integer totalSteps,
        Duration nextWithin,
        @Nullable Duration remaining) {}
