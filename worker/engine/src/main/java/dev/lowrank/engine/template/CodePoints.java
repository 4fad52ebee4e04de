package dev.lowrank.engine.template;

/** Texts counted in characters as Python does, where Java counts UTF-16 units. */
final class CodePoints {
    private CodePoints() {}

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Where the character number {@code index} starts. */
    static int offset(String text, int index) {
        return text.offsetByCodePoints(0, index);
    }

    static String at(String text, int index) {
        return Character.toString(text.codePointAt(offset(text, index)));
    }

    static String sub(String text, int from, int to) {
        int start = offset(text, from);
        return text.substring(start, text.offsetByCodePoints(start, Math.max(0, to - from)));
    }

    static String reversed(String text) {
        return new StringBuilder(text).reverse().toString();
    }

    /** Order of characters; UTF-16 units would put emoji before some older characters. */
    static int compare(String a, String b) {
        int length = Math.min(a.length(), b.length());
        for (int i = 0; i < length; i++) {
            char x = a.charAt(i);
            char y = b.charAt(i);
            if (x != y) {
                boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
                return surrogates ? (Character.isSurrogate(x) ? 1 : -1) : Character.compare(x, y);
            }
        }
        return Integer.compare(a.length(), b.length());
    }
}
