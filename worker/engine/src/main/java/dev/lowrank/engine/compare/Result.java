package dev.lowrank.engine.compare;

import org.jspecify.annotations.Nullable;

/**
 * A variant and what became of it.
 *
 * @param trained null for the base alone, or after a failure
 * @param judged null after a failure
 * @param failure why there is no result, in one sentence; null if there is one
 */
record Result(
        Variant variant,
        @Nullable Trained trained,
        @Nullable Judged judged,
        @Nullable String failure) {}
