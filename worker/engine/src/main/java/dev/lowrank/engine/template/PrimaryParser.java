package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Expression.Attribute;
import dev.lowrank.engine.template.Expression.Call;
import dev.lowrank.engine.template.Expression.DictOf;
import dev.lowrank.engine.template.Expression.Item;
import dev.lowrank.engine.template.Expression.Keyword;
import dev.lowrank.engine.template.Expression.ListOf;
import dev.lowrank.engine.template.Expression.Literal;
import dev.lowrank.engine.template.Expression.Name;
import dev.lowrank.engine.template.Expression.Pair;
import dev.lowrank.engine.template.Expression.Passed;
import dev.lowrank.engine.template.Expression.Slice;
import dev.lowrank.engine.template.Expression.TupleOf;
import java.util.ArrayList;
import java.util.List;

/** Reads names, literals, brackets, and the lookups and calls behind them. */
final class PrimaryParser {
    private final TokenCursor at;
    private final ExpressionParser expressions;

    PrimaryParser(TokenCursor at, ExpressionParser expressions) {
        this.at = at;
        this.expressions = expressions;
    }

    Expression primary() {
        Token token = at.current();
        return switch (token.kind()) {
            case NAME -> name(at.take());
            case STRING -> text();
            case INTEGER -> new Literal(token.line(), NumberLiteral.parse(at.take()));
            case FLOAT ->
                new Literal(token.line(), Double.parseDouble(at.take().text().replace("_", "")));
            case OPERATOR -> bracket(token);
            default -> throw at.unexpected("an expression");
        };
    }

    private Expression name(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Literal(token.line(), true);
            case "false", "False" -> new Literal(token.line(), false);
            case "none", "None" -> new Literal(token.line(), None.NONE);
            default -> {
                at.met(token.text());
                yield new Name(token.line(), token.text());
            }
        };
    }

    /** Texts that follow one another are one text. */
    private Expression text() {
        int line = at.current().line();
        StringBuilder text = new StringBuilder();
        while (at.current().kind() == Token.Kind.STRING) {
            text.append(at.take().text());
        }
        return new Literal(line, text.toString());
    }

    private Expression bracket(Token token) {
        return switch (token.text()) {
            case "(" -> parenthesis();
            case "[" -> list();
            case "{" -> dict();
            default -> throw at.unexpected("an expression");
        };
    }

    private Expression parenthesis() {
        int line = at.take().line();
        if (at.skipOperator(")")) {
            return new TupleOf(line, List.of());
        }
        Expression value = expressions.tuple(true, null);
        at.expectOperator(")");
        return value;
    }

    private Expression list() {
        int line = at.take().line();
        List<Expression> items = new ArrayList<>();
        while (!at.current().isOperator("]")) {
            items.add(expressions.expression());
            if (!at.skipOperator(",")) {
                break;
            }
        }
        at.expectOperator("]");
        return new ListOf(line, items);
    }

    private Expression dict() {
        int line = at.take().line();
        List<Pair> pairs = new ArrayList<>();
        while (!at.current().isOperator("}")) {
            Expression key = expressions.expression();
            at.expectOperator(":");
            pairs.add(new Pair(key, expressions.expression()));
            if (!at.skipOperator(",")) {
                break;
            }
        }
        at.expectOperator("}");
        return new DictOf(line, pairs);
    }

    /** Reads {@code .name}, {@code [index]} and {@code (…)} behind a value. */
    Expression postfix(Expression start) {
        Expression value = start;
        for (int length = 1; ; length++) {
            at.chain(length);
            Token token = at.current();
            if (token.isOperator(".")) {
                value = dotted(value);
            } else if (token.isOperator("[")) {
                value = subscript(value);
            } else if (token.isOperator("(")) {
                value = new Call(token.line(), value, passed());
            } else {
                return value;
            }
        }
    }

    private Expression dotted(Expression of) {
        int line = at.take().line();
        Token token = at.current();
        return switch (token.kind()) {
            case NAME -> new Attribute(line, of, at.take().text());
            case INTEGER -> new Item(line, of, new Literal(line, NumberLiteral.parse(at.take())));
            default -> throw at.unexpected("a name or a number after the dot");
        };
    }

    private Expression subscript(Expression of) {
        int line = at.take().line();
        Expression value;
        Expression start = at.current().isOperator(":") ? null : expressions.expression();
        if (start != null && !at.current().isOperator(":")) {
            value = new Item(line, of, start);
        } else {
            at.expectOperator(":");
            Expression stop = sliceEnds() ? null : expressions.expression();
            Expression step = at.skipOperator(":") && !sliceEnds() ? expressions.expression() : null;
            value = new Slice(line, of, start, stop, step);
        }
        at.expectOperator("]");
        return value;
    }

    private boolean sliceEnds() {
        return at.current().isOperator(":") || at.current().isOperator("]");
    }

    /** What a call passes, brackets included. */
    Passed passed() {
        at.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        List<Keyword> named = new ArrayList<>();
        Expression spread = null;
        Expression spreadNamed = null;
        while (!at.current().isOperator(")")) {
            if (at.skipOperator("**")) {
                refuseIf(spreadNamed != null);
                spreadNamed = expressions.expression();
            } else if (at.skipOperator("*")) {
                refuseIf(spread != null || spreadNamed != null);
                spread = expressions.expression();
            } else if (at.current().kind() == Token.Kind.NAME && at.following().isOperator("=")) {
                refuseIf(spreadNamed != null);
                String name = at.take().text();
                at.take();
                named.add(new Keyword(name, expressions.expression()));
            } else {
                refuseIf(spread != null || spreadNamed != null || !named.isEmpty());
                positional.add(expressions.expression());
            }
            if (!at.skipOperator(",")) {
                break;
            }
        }
        at.expectOperator(")");
        return new Passed(positional, named, spread, spreadNamed);
    }

    private void refuseIf(boolean outOfOrder) {
        if (outOfOrder) {
            throw at.fail("a call must pass plain values first, then name=value, then *list and **dict.");
        }
    }
}
