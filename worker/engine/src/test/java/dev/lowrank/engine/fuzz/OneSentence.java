package dev.lowrank.engine.fuzz;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What a refusal owes its reader: one printable sentence of bearable length, in words and not in the program's own names. */
final class OneSentence {
    private static final int LONGEST = 600;
    private static final Pattern QUOTED = Pattern.compile("\"[^\"]*\"|\\([^()]*\\)|(?<!\\w)'[^']*'");
    private static final Pattern TWO_SENTENCES = Pattern.compile("[.!?] +\\p{Lu}");
    private static final Pattern OUR_NAMES = Pattern.compile(
            "\\b(?:java|javax|jdk|tools|dev|ai|org|sun)\\.[a-z]+\\.[a-zA-Z.]+|[a-z]Exception\\b|@[0-9a-f]{6,}");

    private OneSentence() {}

    /** What is wrong with the message, or null. */
    static @Nullable String problem(@Nullable String message, boolean quotesAuthor) {
        if (message == null || message.isBlank() || message.equals("null")) {
            return "says nothing";
        }
        if (message.length() >= LONGEST) {
            return "has %d characters".formatted(message.length());
        }
        if (message.chars().anyMatch(OneSentence::steersTerminals)) {
            return "holds characters that are not printable";
        }
        if (quotesAuthor) {
            return null;
        }
        if (!message.endsWith(".") && !message.endsWith("?")) {
            return "does not end as a sentence does";
        }
        String words = QUOTED.matcher(message).replaceAll("x");
        if (TWO_SENTENCES.matcher(words).find()) {
            return "has two sentences";
        }
        return OUR_NAMES.matcher(words).find() ? "names parts of the program" : null;
    }

    private static boolean steersTerminals(int c) {
        return Character.isISOControl(c) || c == 0x2028 || c == 0x2029;
    }
}
