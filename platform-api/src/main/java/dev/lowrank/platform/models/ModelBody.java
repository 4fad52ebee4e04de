package dev.lowrank.platform.models;

import org.jspecify.annotations.Nullable;

/** A model as the clients read it; {@code lowrank} is ours. */
record ModelBody(
        String id,
        String object,
        long created,
        String ownedBy,
        @Nullable Long shutdownDate,
        Details lowrank) {
    /**
     * What else is known of it.
     *
     * @param kind {@code base} or {@code fine_tuned}
     */
    record Details(
            String kind,
            @Nullable Long parameters,
            @Nullable String sha256,
            @Nullable String base,
            @Nullable String job) {}
}
