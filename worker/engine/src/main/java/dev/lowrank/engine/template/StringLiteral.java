package dev.lowrank.engine.template;

/** Texts in quotes, with Python's escapes. */
final class StringLiteral {
    private StringLiteral() {}

    /** @param content what stands between the quotes */
    static String unescape(String content, int line) {
        if (content.indexOf('\\') < 0) {
            return content;
        }
        StringBuilder out = new StringBuilder(content.length());
        int i = 0;
        while (i < content.length()) {
            char c = content.charAt(i++);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            char escape = content.charAt(i++);
            switch (escape) {
                case '\n' -> {}
                case 'n' -> out.append('\n');
                case 't' -> out.append('\t');
                case 'r' -> out.append('\r');
                case '\\', '\'', '"' -> out.append(escape);
                case 'a' -> out.append('\u0007');
                case 'b' -> out.append('\b');
                case 'f' -> out.append('\f');
                case 'v' -> out.append('\u000b');
                case 'x' -> i = hex(content, i, 2, out, line);
                case 'u' -> i = hex(content, i, 4, out, line);
                case 'U' -> i = hex(content, i, 8, out, line);
                case '0', '1', '2', '3', '4', '5', '6', '7' -> i = octal(content, i - 1, out);
                default -> unknown(escape, out);
            }
        }
        return out.toString();
    }

    private static int hex(String content, int from, int digits, StringBuilder out, int line) {
        int end = from + digits;
        int value = 0;
        for (int i = from; i < end; i++) {
            int digit = i < content.length() ? Character.digit(content.charAt(i), 16) : -1;
            if (digit < 0 || value > Character.MAX_CODE_POINT >> 4) {
                throw TemplateException.at(
                        line, "an escape in a text needs %d hexadecimal digits of a character.".formatted(digits));
            }
            value = value << 4 | digit;
        }
        if (value > Character.MAX_CODE_POINT) {
            throw TemplateException.at(line, "an escape in a text names no character; use at most \\U0010ffff.");
        }
        out.appendCodePoint(value);
        return end;
    }

    private static int octal(String content, int from, StringBuilder out) {
        int end = from;
        int value = 0;
        while (end < content.length() && end < from + 3 && content.charAt(end) >= '0' && content.charAt(end) <= '7') {
            value = value * 8 + content.charAt(end++) - '0';
        }
        out.appendCodePoint(value);
        return end;
    }

    /** Jinja turns non-ASCII characters into escapes first, so that a backslash before one leaves its number behind. */
    private static void unknown(char escape, StringBuilder out) {
        out.append('\\');
        if (escape < 0x80) {
            out.append(escape);
        } else if (escape < 0x100) {
            out.append("x%02x".formatted((int) escape));
        } else {
            out.append("u%04x".formatted((int) escape));
        }
    }
}
