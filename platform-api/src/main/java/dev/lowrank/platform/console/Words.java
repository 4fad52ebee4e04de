package dev.lowrank.platform.console;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Figures as a person reads them. */
final class Words {
    static final String NONE = "–";

    private static final DateTimeFormatter MOMENT = format("d MMM uuuu, HH:mm 'UTC'");
    private static final DateTimeFormatter CLOCK = format("HH:mm:ss");
    private static final String[] UNITS = {"bytes", "KB", "MB", "GB", "TB"};

    private Words() {}

    private static DateTimeFormatter format(String pattern) {
        return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).withZone(ZoneOffset.UTC);
    }

    static String moment(Instant time) {
        return MOMENT.format(time);
    }

    static String clock(Instant time) {
        return CLOCK.format(time);
    }

    /** The two largest units; never negative, as two clocks may differ by a little. */
    static String duration(Duration duration) {
        long seconds = Math.max(0, duration.toSeconds());
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return two(seconds / 60, "min", seconds % 60, "s");
        }
        return seconds < 86_400
                ? two(seconds / 3600, "h", seconds % 3600 / 60, "min")
                : two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h");
    }

    private static String two(long large, String unit, long small, String smallUnit) {
        return small == 0 ? large + " " + unit : large + " " + unit + " " + small + " " + smallUnit;
    }

    /** One unit, for lists. */
    static String age(Duration duration) {
        long seconds = Math.max(0, duration.toSeconds());
        if (seconds < 60) {
            return "just now";
        }
        if (seconds < 3600) {
            return seconds / 60 + " min ago";
        }
        return seconds < 86_400 ? seconds / 3600 + " h ago" : seconds / 86_400 + " d ago";
    }

    static String bytes(long bytes) {
        double size = bytes;
        int unit = 0;
        while (size >= 1000 && unit + 1 < UNITS.length) {
            size /= 1000;
            unit++;
        }
        return unit == 0 ? bytes + " bytes" : String.format(Locale.ROOT, "%.1f %s", size, UNITS[unit]);
    }

    static String count(long number) {
        return String.format(Locale.ENGLISH, "%,d", number);
    }

    static String loss(@Nullable Double loss) {
        return loss == null ? NONE : Double.isFinite(loss) ? String.format(Locale.ROOT, "%.4f", loss) : "not finite";
    }

    static String orNone(@Nullable String text) {
        return text == null || text.isBlank() ? NONE : text;
    }
}
