package dev.lowrank.engine;

/** Makes texts of others fit to be quoted in a message, which is one line, in a log or on a terminal. */
public final class OneLine {
    private static final int ZERO_WIDTH_NON_JOINER = 0x200C;
    private static final int ZERO_WIDTH_JOINER = 0x200D;

    private OneLine() {}

    /** The text with a question mark for each character that breaks the line, steers a terminal or is none. */
    public static String of(String text) {
        return text.codePoints().allMatch(OneLine::isPlain)
                ? text
                : text.codePoints()
                        .map(c -> isPlain(c) ? c : '?')
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
    }

    /** The same, and of a long text only its beginning and its end, so that a sentence keeps its place and its remedy. */
    public static String of(String text, int longest) {
        if (text.length() <= longest) {
            return of(text);
        }
        int tail = longest / 3;
        // Half of a pair at either cut becomes a question mark.
        return of(text.substring(0, longest - tail - 1)) + "…" + of(text.substring(text.length() - tail));
    }

    private static boolean isPlain(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SURROGATE ->
                false;
            case Character.FORMAT -> c == ZERO_WIDTH_JOINER || c == ZERO_WIDTH_NON_JOINER;
            default -> true;
        };
    }
}
