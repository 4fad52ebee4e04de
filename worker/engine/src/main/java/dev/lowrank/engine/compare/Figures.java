package dev.lowrank.engine.compare;

import dev.lowrank.engine.evaluate.Bleu;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How figures are written for people; the same in the terminal, the table and the picture. */
final class Figures {
    private Figures() {}

    static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    static String count(long count) {
        return format("%,d", count);
    }

    /** Decimal: 1 kB is 1000 bytes. */
    static String bytes(@Nullable Long bytes) {
        if (bytes == null) {
            return "–";
        }
        if (bytes < 1_000_000) {
            return format("%.1f kB", bytes / 1e3);
        }
        return bytes < 1_000_000_000 ? format("%.1f MB", bytes / 1e6) : format("%.2f GB", bytes / 1e9);
    }

    static String seconds(@Nullable Double seconds) {
        if (seconds == null) {
            return "–";
        }
        return seconds < 100
                ? format("%.1f s", seconds)
                : format("%d min %02d s", seconds.longValue() / 60, seconds.longValue() % 60);
    }

    static String share(long part, long whole) {
        return format("%.2f %%", 100.0 * part / whole);
    }

    static String loss(Judged judged) {
        return format("%.3f", judged.loss());
    }

    static String perplexity(Judged judged) {
        return judged.perplexity() < 1e4 ? format("%.2f", judged.perplexity()) : format("%.1e", judged.perplexity());
    }

    static String bleu(Judged judged) {
        Bleu bleu = judged.bleu();
        return bleu == null ? "–" : format("%.1f", bleu.score());
    }

    /** Such as 2e-3 or 5e-4. */
    static String rate(double rate) {
        int exponent = (int) Math.floor(Math.log10(rate) + 1e-9);
        double factor = rate / Math.pow(10, exponent);
        String digits = format("%.2f", factor).replaceAll("0+$", "").replaceAll("\\.$", "");
        return digits + "e" + exponent;
    }
}
