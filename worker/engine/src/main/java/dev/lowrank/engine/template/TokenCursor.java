package dev.lowrank.engine.template;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Walks over tokens; knows how deep the parser is inside the source and which names it has met. */
final class TokenCursor {
    private final List<Token> tokens;
    private int next;
    private int nesting;
    private Set<String> names = new HashSet<>();

    TokenCursor(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(next);
    }

    Token following() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    Token take() {
        Token token = current();
        next = Math.min(next + 1, tokens.size() - 1);
        return token;
    }

    boolean skipOperator(String operator) {
        boolean found = current().isOperator(operator);
        if (found) {
            take();
        }
        return found;
    }

    boolean skipName(String name) {
        boolean found = current().isName(name);
        if (found) {
            take();
        }
        return found;
    }

    Token expect(Token.Kind kind, String wanted) {
        if (current().kind() != kind) {
            throw unexpected(wanted);
        }
        return take();
    }

    String expectName(String wanted) {
        return expect(Token.Kind.NAME, wanted).text();
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("\"" + operator + "\"");
        }
    }

    void expectWord(String word) {
        if (!skipName(word)) {
            throw unexpected("\"" + word + "\"");
        }
    }

    TemplateException unexpected(String wanted) {
        return fail("expected %s, but found %s.".formatted(wanted, current().shown()));
    }

    TemplateException fail(String problem) {
        return TemplateException.at(current().line(), problem);
    }

    void enter() {
        if (++nesting > Limits.NESTING) {
            throw fail("blocks and brackets are more than %d levels deep; write it flatter.".formatted(Limits.NESTING));
        }
    }

    void leave() {
        nesting--;
    }

    /** @param length links of a chain such as {@code a + b + c} read so far */
    void chain(int length) {
        if (length > Limits.CHAIN) {
            throw fail("more than %d operators are in one chain; split it with \"set\".".formatted(Limits.CHAIN));
        }
    }

    void met(String name) {
        names.add(name);
    }

    /** Starts to collect names anew; give what is returned to {@link #endNames}. */
    Set<String> beginNames() {
        Set<String> outer = names;
        names = new HashSet<>();
        return outer;
    }

    /** The names met since {@link #beginNames}; they count as met outside, too. */
    Set<String> endNames(Set<String> outer) {
        Set<String> inner = names;
        outer.addAll(inner);
        names = outer;
        return inner;
    }
}
