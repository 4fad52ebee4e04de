package dev.lowrank.platform.contract;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Times as the contract has them: whole seconds since 1970. */
public final class UnixTime {
    private UnixTime() {}

    public static long of(Instant time) {
        return time.getEpochSecond();
    }

    public static @Nullable Long orNull(@Nullable Instant time) {
        return time == null ? null : (Long) time.getEpochSecond();
    }
}
