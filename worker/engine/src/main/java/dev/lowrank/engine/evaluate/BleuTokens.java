package dev.lowrank.engine.evaluate;

import java.util.List;
import java.util.regex.Pattern;

/**
 * The tokens BLEU counts: those of mteval-v13a, the default of sacreBLEU. Punctuation stands by itself, but for the
 * points and commas inside numbers and hyphens inside words; case is kept.
 */
final class BleuTokens {
    private static final Pattern SYMBOL = Pattern.compile("([{-~\\[-` -&(-+:-@/])");
    private static final Pattern POINT_AFTER_OTHER = Pattern.compile("([^0-9])([.,])");
    private static final Pattern POINT_BEFORE_OTHER = Pattern.compile("([.,])([^0-9])");
    private static final Pattern HYPHEN_AFTER_DIGIT = Pattern.compile("([0-9])(-)");
    private static final Pattern SPACE = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

    private BleuTokens() {}

    static List<String> of(String text) {
        String line = text.replace("<skipped>", "").replace("-\n", "").replace('\n', ' ');
        line = line.replace("&quot;", "\"")
                .replace("&amp;", "&")
                .replace("&lt;", "<")
                .replace("&gt;", ">");
        line = SYMBOL.matcher(" " + line + " ").replaceAll(" $1 ");
        line = POINT_AFTER_OTHER.matcher(line).replaceAll("$1 $2 ");
        line = POINT_BEFORE_OTHER.matcher(line).replaceAll(" $1 $2");
        line = HYPHEN_AFTER_DIGIT.matcher(line).replaceAll("$1 $2 ");
        String words = SPACE.matcher(line).replaceAll(" ").strip();
        return words.isEmpty() ? List.of() : List.of(words.split(" ", -1));
    }
}
