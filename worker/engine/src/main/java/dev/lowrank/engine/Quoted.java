package dev.lowrank.engine;

import tools.jackson.databind.JsonNode;

/**
 * Texts of others in the quotation marks of a message: short, on one line, and with no mark of the same kind inside, so that
 * where the quotation ends is plain and the message stays one sentence.
 */
public final class Quoted {
    private static final int LONGEST = 80;

    private Quoted() {}

    public static String of(String text) {
        return of(text, LONGEST);
    }

    /** The same, and of a long text only the beginning. */
    public static String of(String text, int longest) {
        return '"' + head(text, longest).replace('"', '\'') + '"';
    }

    /** A value of a JSON file: a text in quotes, anything else as JSON has it where its own quotes leave no doubt. */
    public static String of(JsonNode value) {
        if (value.isString()) {
            return of(value.stringValue());
        }
        String text = value.toString();
        boolean plain = text.indexOf('"') < 0 || text.length() <= LONGEST && !text.contains("\\\"");
        return plain ? head(text, LONGEST) : of(text);
    }

    private static String head(String text, int longest) {
        return OneLine.of(text.length() <= longest ? text : text.substring(0, longest - 1) + "…");
    }
}
