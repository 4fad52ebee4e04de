package dev.lowrank.engine.template;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Cuts source into tokens, with white space handled as Jinja does under {@code trim_blocks} and {@code lstrip_blocks}.
 * Written by hand because regular expressions recurse on long texts.
 */
final class Lexer {
    private static final List<String> OPERATORS = List.of(
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
            "=", ".", ":", "|", ",", ";");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String source) {
        if (source.length() > Limits.SOURCE) {
            throw TemplateException.at(
                    1, "the template has more than %d characters; use a shorter one.".formatted(Limits.SOURCE));
        }
        String unix = source.replace("\r\n", "\n").replace('\r', '\n');
        Lexer lexer = new Lexer(unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix);
        lexer.template();
        return lexer.tokens;
    }

    private void template() {
        while (position < source.length()) {
            int tag = nextTag(position);
            if (tag < 0) {
                data(source.substring(position));
                advanceTo(source.length());
                break;
            }
            char kind = source.charAt(tag + 1);
            int inside = tag + 2;
            char sign = signAt(inside);
            data(trimmed(source.substring(position, tag), sign, kind != '{'));
            advanceTo(tag);
            inside += sign == 0 ? 0 : 1;
            switch (kind) {
                case '#' -> comment(inside);
                case '{' -> tag(inside, Token.Kind.PRINT_BEGIN, Token.Kind.PRINT_END, "}}");
                default -> {
                    if (!raw(inside)) {
                        tag(inside, Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END, "%}");
                    }
                }
            }
        }
        tokens.add(new Token(Token.Kind.END, "", line));
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return -1;
    }

    /** The {@code -} or {@code +} at a place, or 0. */
    private char signAt(int index) {
        char c = index < source.length() ? source.charAt(index) : 0;
        return c == '-' || c == '+' ? c : 0;
    }

    /** Text before a tag, less the white space the tag takes away. */
    private String trimmed(String text, char sign, boolean block) {
        if (sign == '-') {
            return Characters.stripEnd(text);
        }
        if (sign == '+' || !block) {
            return text;
        }
        int start = text.lastIndexOf('\n') + 1;
        boolean blank = start < text.length() && Characters.skipSpace(text, start) == text.length();
        return blank && (start > 0 || lineStarting) ? text.substring(0, start) : text;
    }

    private void data(String text) {
        if (!text.isEmpty()) {
            tokens.add(new Token(Token.Kind.DATA, text, line));
        }
    }

    private void advanceTo(int end) {
        for (int i = position; i < end; i++) {
            if (source.charAt(i) == '\n') {
                line++;
            }
        }
        lineStarting = end > position && source.charAt(end - 1) == '\n';
        position = end;
    }

    private void comment(int from) {
        int end = source.indexOf("#}", from);
        if (end < 0) {
            throw TemplateException.at(line, "a comment is opened but never closed; add \"#}\".");
        }
        char sign = end > from ? signAt(end - 1) : 0;
        advanceTo(afterEnd(end + 2, sign));
    }

    /** Where the text goes on after an end tag: {@code -} takes all white space, no sign takes one line end. */
    private int afterEnd(int end, char sign) {
        if (sign == '-') {
            return Characters.skipSpace(source, end);
        }
        return sign == 0 && end < source.length() && source.charAt(end) == '\n' ? end + 1 : end;
    }

    /** Reads a raw block when one starts here. */
    private boolean raw(int from) {
        int name = Characters.skipSpace(source, from);
        if (!source.startsWith("raw", name)) {
            return false;
        }
        int close = Characters.skipSpace(source, name + 3);
        boolean strip = source.startsWith("-%}", close);
        if (!strip && !source.startsWith("%}", close)) {
            return false;
        }
        int opened = line;
        advanceTo(strip ? Characters.skipSpace(source, close + 3) : close + 2);
        for (int i = source.indexOf("{%", position); i >= 0; i = source.indexOf("{%", i + 1)) {
            if (endRaw(i)) {
                return true;
            }
        }
        throw TemplateException.at(opened, "a raw block is opened but never closed; add \"{% endraw %}\".");
    }

    private boolean endRaw(int tag) {
        char sign = signAt(tag + 2);
        int name = Characters.skipSpace(source, tag + (sign == 0 ? 2 : 3));
        if (!source.startsWith("endraw", name)) {
            return false;
        }
        int close = Characters.skipSpace(source, name + 6);
        char endSign = signAt(close);
        close += endSign == 0 ? 0 : 1;
        if (!source.startsWith("%}", close)) {
            return false;
        }
        data(trimmed(source.substring(position, tag), sign, true));
        advanceTo(afterEnd(close + 2, endSign));
        return true;
    }

    private void tag(int from, Token.Kind begin, Token.Kind end, String closing) {
        int opened = line;
        tokens.add(new Token(begin, "", line));
        advanceTo(from);
        Deque<Character> open = new ArrayDeque<>();
        while (position < source.length()) {
            char sign = signAt(position);
            boolean signed = sign == '-' || (sign == '+' && begin == Token.Kind.BLOCK_BEGIN);
            int close = signed ? position + 1 : position;
            if (open.isEmpty() && source.startsWith(closing, close)) {
                tokens.add(new Token(end, "", line));
                boolean keepsLineEnd = begin == Token.Kind.PRINT_BEGIN && !signed;
                advanceTo(keepsLineEnd ? close + 2 : afterEnd(close + 2, signed ? sign : 0));
                return;
            }
            token(open);
        }
        throw TemplateException.at(opened, "a tag is opened but never closed; add \"%s\".".formatted(closing));
    }

    private void token(Deque<Character> open) {
        char c = source.charAt(position);
        int end = position + 1;
        if (Characters.isSpace(c)) {
            advanceTo(Characters.skipSpace(source, position));
        } else if (c >= '0' && c <= '9') {
            boolean afterDot = position > 0 && source.charAt(position - 1) == '.';
            end = NumberLiteral.end(source, position, afterDot);
            add(NumberLiteral.isFloat(source, position, end) ? Token.Kind.FLOAT : Token.Kind.INTEGER, end);
        } else if (c == '_' || Character.isUnicodeIdentifierStart(source.codePointAt(position))) {
            while (end < source.length() && isNamePart(end)) {
                end++;
            }
            add(Token.Kind.NAME, end);
        } else if (c == '"' || c == '\'') {
            string(c);
        } else {
            operator(open);
        }
    }

    private boolean isNamePart(int index) {
        char c = source.charAt(index);
        return c == '_' || Character.isLowSurrogate(c) || Character.isUnicodeIdentifierPart(source.codePointAt(index));
    }

    private void add(Token.Kind kind, int end) {
        tokens.add(new Token(kind, source.substring(position, end), line));
        advanceTo(end);
    }

    private void string(char quote) {
        int end = position + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw TemplateException.at(line, "a text in quotes is never closed; add %s.".formatted(quote));
        }
        String content = StringLiteral.unescape(source.substring(position + 1, end), line);
        tokens.add(new Token(Token.Kind.STRING, content, line));
        advanceTo(end + 1);
    }

    private void operator(Deque<Character> open) {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, position)) {
                balance(operator.charAt(0), open);
                add(Token.Kind.OPERATOR, position + operator.length());
                return;
            }
        }
        throw TemplateException.at(
                line,
                "the character \"%s\" has no meaning inside a tag; remove it."
                        .formatted(Character.toString(source.codePointAt(position))));
    }

    private void balance(char c, Deque<Character> open) {
        switch (c) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> {
                if (open.isEmpty() || open.pop() != c) {
                    throw TemplateException.at(
                            line, "\"%s\" closes nothing that is open; check the brackets.".formatted(c));
                }
            }
            default -> {}
        }
    }
}
