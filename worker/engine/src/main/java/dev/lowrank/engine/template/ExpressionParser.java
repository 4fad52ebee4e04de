package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Expression.And;
import dev.lowrank.engine.template.Expression.Arithmetic;
import dev.lowrank.engine.template.Expression.Compare;
import dev.lowrank.engine.template.Expression.Comparison;
import dev.lowrank.engine.template.Expression.Concat;
import dev.lowrank.engine.template.Expression.Conditional;
import dev.lowrank.engine.template.Expression.Named;
import dev.lowrank.engine.template.Expression.Not;
import dev.lowrank.engine.template.Expression.Or;
import dev.lowrank.engine.template.Expression.Passed;
import dev.lowrank.engine.template.Expression.Signed;
import dev.lowrank.engine.template.Expression.Tested;
import dev.lowrank.engine.template.Expression.TupleOf;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads operators, with Jinja's precedence; {@link PrimaryParser} reads what stands between them. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final TokenCursor at;
    private final PrimaryParser primary;

    ExpressionParser(TokenCursor at) {
        this.at = at;
        this.primary = new PrimaryParser(at, this);
    }

    /** An expression, or several with commas between, which make a tuple. */
    Expression tuple(boolean conditional, @Nullable String endWord) {
        int line = at.current().line();
        List<Expression> items = new ArrayList<>();
        do {
            if (tupleEnds(endWord)) {
                if (items.isEmpty()) {
                    throw at.unexpected("an expression");
                }
                return new TupleOf(line, items);
            }
            items.add(conditional ? expression() : or());
        } while (at.skipOperator(","));
        return items.size() == 1 ? items.getFirst() : new TupleOf(line, items);
    }

    private boolean tupleEnds(@Nullable String endWord) {
        Token token = at.current();
        return token.kind() == Token.Kind.PRINT_END
                || token.kind() == Token.Kind.BLOCK_END
                || token.isOperator(")")
                || (endWord != null && token.isName(endWord));
    }

    /** An expression, the inline {@code if} included. */
    Expression expression() {
        at.enter();
        int line = at.current().line();
        Expression value = or();
        for (int length = 1; at.skipName("if"); length++) {
            at.chain(length);
            Expression test = or();
            Expression otherwise = at.skipName("else") ? expression() : null;
            value = new Conditional(line, test, value, otherwise);
        }
        at.leave();
        return value;
    }

    private Expression or() {
        Expression left = and();
        for (int length = 1; at.current().isName("or"); length++) {
            at.chain(length);
            int line = at.take().line();
            left = new Or(line, left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        for (int length = 1; at.current().isName("and"); length++) {
            at.chain(length);
            int line = at.take().line();
            left = new And(line, left, not());
        }
        return left;
    }

    private Expression not() {
        if (!at.current().isName("not")) {
            return compare();
        }
        at.enter();
        int line = at.take().line();
        Expression value = new Not(line, not());
        at.leave();
        return value;
    }

    private Expression compare() {
        int line = at.current().line();
        Expression first = sum();
        List<Comparison> rest = new ArrayList<>();
        for (String operator = comparison(); operator != null; operator = comparison()) {
            rest.add(new Comparison(operator, sum()));
        }
        return rest.isEmpty() ? first : new Compare(line, first, rest);
    }

    private @Nullable String comparison() {
        Token token = at.current();
        if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text())) {
            return at.take().text();
        }
        if (at.skipName("in")) {
            return "in";
        }
        if (token.isName("not") && at.following().isName("in")) {
            at.take();
            at.take();
            return "not in";
        }
        return null;
    }

    private Expression sum() {
        Expression left = concat();
        for (int length = 1; at.current().isOperator("+") || at.current().isOperator("-"); length++) {
            at.chain(length);
            Token operator = at.take();
            left = new Arithmetic(operator.line(), operator.text(), left, concat());
        }
        return left;
    }

    private Expression concat() {
        int line = at.current().line();
        Expression first = product();
        if (!at.current().isOperator("~")) {
            return first;
        }
        List<Expression> parts = new ArrayList<>(List.of(first));
        while (at.skipOperator("~")) {
            parts.add(product());
        }
        return new Concat(line, parts);
    }

    private Expression product() {
        Expression left = power();
        for (int length = 1; isProduct(at.current()); length++) {
            at.chain(length);
            Token operator = at.take();
            left = new Arithmetic(operator.line(), operator.text(), left, power());
        }
        return left;
    }

    private static boolean isProduct(Token token) {
        return token.isOperator("*") || token.isOperator("/") || token.isOperator("//") || token.isOperator("%");
    }

    /** Powers group from the left, as in Jinja and unlike in Python. */
    private Expression power() {
        Expression left = unary(true);
        for (int length = 1; at.current().isOperator("**"); length++) {
            at.chain(length);
            int line = at.take().line();
            left = new Arithmetic(line, "**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean filters) {
        Token token = at.current();
        Expression value;
        if (token.isOperator("-") || token.isOperator("+")) {
            at.enter();
            at.take();
            value = new Signed(token.line(), token.isOperator("-"), unary(false));
            at.leave();
        } else {
            value = primary.primary();
        }
        value = primary.postfix(value);
        return filters ? filtered(value) : value;
    }

    private Expression filtered(Expression start) {
        Expression value = start;
        for (int length = 1; ; length++) {
            at.chain(length);
            Token token = at.current();
            if (at.skipOperator("|")) {
                value = new Expression.Filtered(token.line(), value, filter());
            } else if (at.skipName("is")) {
                value = test(token.line(), value);
            } else if (token.isOperator("(")) {
                value = new Expression.Call(token.line(), value, primary.passed());
            } else {
                return value;
            }
        }
    }

    /** A filter's name and what is passed to it; the bar before it is read already. */
    Named filter() {
        Token name = at.expect(Token.Kind.NAME, "the name of a filter");
        Passed passed = at.current().isOperator("(") ? primary.passed() : Passed.NOTHING;
        return new Named(name.line(), name.text(), passed);
    }

    private Expression test(int line, Expression value) {
        boolean negated = at.skipName("not");
        Token name = at.expect(Token.Kind.NAME, "the name of a test");
        Passed passed = Passed.NOTHING;
        if (at.current().isOperator("(")) {
            passed = primary.passed();
        } else if (startsArgument(at.current())) {
            Expression only = primary.postfix(primary.primary());
            passed = new Passed(List.of(only), List.of(), null, null);
        }
        Expression tested = new Tested(line, value, new Named(name.line(), name.text(), passed));
        return negated ? new Not(line, tested) : tested;
    }

    private boolean startsArgument(Token token) {
        if (token.isName("is")) {
            throw at.fail("tests cannot follow one another with \"is\"; join them with \"and\".");
        }
        return switch (token.kind()) {
            case NAME -> !Set.of("else", "or", "and").contains(token.text());
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }
}
