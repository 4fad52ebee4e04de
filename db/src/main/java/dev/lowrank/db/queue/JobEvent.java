package dev.lowrank.db.queue;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A line of a job's history.
 *
 * @param type {@code message} or {@code metrics}
 * @param data a JSON object, or null
 */
public record JobEvent(
        Level level, String type, String message, @Nullable String data) {
    /** How much it matters. */
    public enum Level {
        INFO,
        WARN,
        ERROR;

        /** As it stands in the database. */
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public static JobEvent info(String message) {
        return new JobEvent(Level.INFO, "message", message, null);
    }

    public static JobEvent warn(String message) {
        return new JobEvent(Level.WARN, "message", message, null);
    }

    public static JobEvent metrics(String message, String data) {
        return new JobEvent(Level.INFO, "metrics", message, data);
    }
}
