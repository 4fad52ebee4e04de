package dev.lowrank.engine.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What has a value. */
sealed interface Expression {
    int line();

    record Literal(int line, Object value) implements Expression {}

    record Name(int line, String name) implements Expression {}

    record ListOf(int line, List<Expression> items) implements Expression {}

    record TupleOf(int line, List<Expression> items) implements Expression {}

    record DictOf(int line, List<Pair> pairs) implements Expression {}

    record Attribute(int line, Expression of, String name) implements Expression {}

    record Item(int line, Expression of, Expression index) implements Expression {}

    record Slice(
            int line,
            Expression of,
            @Nullable Expression start,
            @Nullable Expression stop,
            @Nullable Expression step) implements Expression {}

    record Call(int line, Expression callee, Passed passed) implements Expression {}

    record Filtered(int line, Expression value, Named filter) implements Expression {}

    record Tested(int line, Expression value, Named test) implements Expression {}

    record Not(int line, Expression value) implements Expression {}

    record Signed(int line, boolean negative, Expression value) implements Expression {}

    record Arithmetic(int line, String operator, Expression left, Expression right) implements Expression {}

    record Concat(int line, List<Expression> parts) implements Expression {}

    record Compare(int line, Expression first, List<Comparison> rest) implements Expression {}

    record And(int line, Expression left, Expression right) implements Expression {}

    record Or(int line, Expression left, Expression right) implements Expression {}

    record Conditional(
            int line,
            Expression test,
            Expression then,
            @Nullable Expression otherwise) implements Expression {}

    /** One entry of a dict literal. */
    record Pair(Expression key, Expression value) {}

    /** One link of a chain such as {@code a < b <= c}. */
    record Comparison(String operator, Expression right) {}

    /** A filter or test with what is passed to it. */
    record Named(int line, String name, Passed passed) {}

    /** What a call passes: {@code f(a, b=c, *d, **e)}. */
    record Passed(
            List<Expression> positional,
            List<Keyword> named,
            @Nullable Expression spread,
            @Nullable Expression spreadNamed) {
        static final Passed NOTHING = new Passed(List.of(), List.of(), null, null);
    }

    /** A keyword argument. */
    record Keyword(String name, Expression value) {}
}
