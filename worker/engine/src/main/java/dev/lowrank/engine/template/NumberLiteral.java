package dev.lowrank.engine.template;

/** Numbers as they are written in templates: {@code 12}, {@code 1_000}, {@code 0xff}, {@code 1.5e3}. */
final class NumberLiteral {
    private NumberLiteral() {}

    /** Where the number starting at {@code from} ends; after a dot only whole numbers are read, as in {@code a.0.1}. */
    static int end(String source, int from, boolean afterDot) {
        if (source.charAt(from) == '0' && from + 1 < source.length()) {
            int radix = radix(source.charAt(from + 1));
            int end = radix == 10 ? from : digits(source, from + 2, radix);
            if (radix != 10 && end > from + 2) {
                return end;
            }
        }
        int whole = digits(source, from, 10);
        if (afterDot) {
            return whole;
        }
        int end = whole;
        if (end + 1 < source.length() && source.charAt(end) == '.' && isDigit(source.charAt(end + 1), 10)) {
            end = digits(source, end + 1, 10);
        }
        return exponent(source, end);
    }

    private static int exponent(String source, int at) {
        if (at < source.length() && (source.charAt(at) | 0x20) == 'e') {
            int first = at + 1;
            if (first < source.length() && (source.charAt(first) == '+' || source.charAt(first) == '-')) {
                first++;
            }
            if (first < source.length() && isDigit(source.charAt(first), 10)) {
                return digits(source, first, 10);
            }
        }
        return at;
    }

    static boolean isFloat(String source, int from, int end) {
        if (end - from > 1 && radix(source.charAt(from + 1)) != 10) {
            return false;
        }
        for (int i = from; i < end; i++) {
            char c = source.charAt(i);
            if (c == '.' || (c | 0x20) == 'e') {
                return true;
            }
        }
        return false;
    }

    static long parse(Token token) {
        String digits = token.text().replace("_", "");
        int radix = digits.length() > 1 ? radix(digits.charAt(1)) : 10;
        if (radix == 10
                && digits.length() > 1
                && digits.charAt(0) == '0'
                && !digits.chars().allMatch(c -> c == '0')) {
            throw TemplateException.at(
                    token.line(), "the number \"%s\" starts with a zero; remove it.".formatted(token.text()));
        }
        try {
            return Long.parseLong(radix == 10 ? digits : digits.substring(2), radix);
        } catch (NumberFormatException e) {
            throw TemplateException.at(
                    token.line(), "the number \"%s\" is beyond 64 bits; use a smaller one.".formatted(token.text()));
        }
    }

    private static int radix(char letter) {
        return switch (letter | 0x20) {
            case 'x' -> 16;
            case 'o' -> 8;
            case 'b' -> 2;
            default -> 10;
        };
    }

    private static int digits(String source, int from, int radix) {
        int end = from;
        while (end < source.length()
                && (isDigit(source.charAt(end), radix)
                        || (source.charAt(end) == '_'
                                && end + 1 < source.length()
                                && isDigit(source.charAt(end + 1), radix)))) {
            end++;
        }
        return end;
    }

    private static boolean isDigit(char c, int radix) {
        return c < 128 && Character.digit(c, radix) >= 0;
    }
}
