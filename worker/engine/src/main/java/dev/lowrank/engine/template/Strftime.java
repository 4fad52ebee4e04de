package dev.lowrank.engine.template;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Dates as Python's {@code strftime} writes them in the C locale. */
final class Strftime {
    private Strftime() {}

    static String format(String format, LocalDateTime time, Run run) {
        Sink out = new Sink(run);
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.add(String.valueOf(c));
                continue;
            }
            char directive = format.charAt(++i);
            boolean unpadded = directive == '-' && i + 1 < format.length();
            if (unpadded) {
                directive = format.charAt(++i);
            }
            String field = field(directive, time, run);
            out.add(unpadded ? field.replaceFirst("^[0 ]+(?=.)", "") : field);
        }
        return out.toString();
    }

    private static String field(char directive, LocalDateTime time, Run run) {
        return switch (directive) {
            case '%' -> "%";
            case 'n' -> "\n";
            case 't' -> "\t";
            case 'z', 'Z' -> "";
            case 'f' -> "%06d".formatted(time.getNano() / 1000);
            case 's' -> Long.toString(time.toEpochSecond(ZoneOffset.UTC));
            case 'w' -> Integer.toString(time.getDayOfWeek().getValue() % 7);
            case 'u' -> Integer.toString(time.getDayOfWeek().getValue());
            case 'e' -> "%2d".formatted(time.getDayOfMonth());
            default -> time.format(DateTimeFormatter.ofPattern(pattern(directive, run), Locale.ENGLISH));
        };
    }

    private static String pattern(char directive, Run run) {
        return switch (directive) {
            case 'd' -> "dd";
            case 'b', 'h' -> "MMM";
            case 'B' -> "MMMM";
            case 'm' -> "MM";
            case 'y' -> "yy";
            case 'Y' -> "uuuu";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'a' -> "EEE";
            case 'A' -> "EEEE";
            case 'j' -> "DDD";
            case 'D', 'x' -> "MM/dd/yy";
            case 'F' -> "uuuu-MM-dd";
            case 'T', 'X' -> "HH:mm:ss";
            case 'R' -> "HH:mm";
            case 'c' -> "EEE MMM ppd HH:mm:ss uuuu";
            default ->
                throw run.fail("strftime_now() does not know \"%%%s\"; use directives such as %%d %%B %%Y %%H %%M."
                        .formatted(directive));
        };
    }
}
