package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Expression.Named;
import dev.lowrank.engine.template.Expression.Pair;
import dev.lowrank.engine.template.Expression.Passed;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the values of expressions. */
final class Evaluator {
    private final Run run;

    Evaluator(Run run) {
        this.run = run;
    }

    Object value(Expression expression, Scope scope) {
        run.enter(expression.line());
        Object value = switch (expression) {
            case Expression.Literal literal -> literal.value();
            case Expression.Name name -> scope.get(name.name());
            case Expression.ListOf list -> values(list.items(), scope);
            case Expression.TupleOf tuple -> Tuple.copyOf(values(tuple.items(), scope));
            case Expression.DictOf dict -> dict(dict, scope);
            case Expression.Attribute attribute -> attribute(attribute, scope);
            case Expression.Item item -> item(item, scope);
            case Expression.Slice slice -> slice(slice, scope);
            case Expression.Call call -> call(call, Map.of(), scope);
            case Expression.Filtered filtered -> filter(filtered.filter(), value(filtered.value(), scope), scope);
            case Expression.Tested tested -> test(tested.test(), value(tested.value(), scope), scope);
            case Expression.Not not -> !ValueKinds.truth(value(not.value(), scope));
            case Expression.Signed signed -> signed(signed, scope);
            case Expression.Arithmetic arithmetic -> arithmetic(arithmetic, scope);
            case Expression.Concat concat -> concat(concat, scope);
            case Expression.Compare compare -> compare(compare, scope);
            case Expression.And and -> and(and, scope);
            case Expression.Or or -> or(or, scope);
            case Expression.Conditional conditional -> conditional(conditional, scope);
        };
        run.leave();
        return value;
    }

    private List<Object> values(List<Expression> expressions, Scope scope) {
        run.elements(expressions.size());
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expression expression : expressions) {
            values.add(value(expression, scope));
        }
        return values;
    }

    private Object dict(Expression.DictOf dict, Scope scope) {
        run.elements(dict.pairs().size());
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Pair pair : dict.pairs()) {
            Object key = value(pair.key(), scope);
            map.put(ContainerMethods.key(key, run), value(pair.value(), scope));
        }
        return map;
    }

    private Object attribute(Expression.Attribute attribute, Scope scope) {
        Object of = value(attribute.of(), scope);
        run.at(attribute.line());
        return Lookup.attribute(of, attribute.name(), run);
    }

    private Object item(Expression.Item item, Scope scope) {
        Object of = value(item.of(), scope);
        Object index = value(item.index(), scope);
        run.at(item.line());
        return Lookup.item(of, index, run);
    }

    private Object slice(Expression.Slice slice, Scope scope) {
        Object of = value(slice.of(), scope);
        Long start = bound(slice.start(), scope);
        Long stop = bound(slice.stop(), scope);
        Long step = bound(slice.step(), scope);
        run.at(slice.line());
        if (step != null && step == 0) {
            throw run.fail("the step of a slice is 0; use another number.");
        }
        return new Slices(start, stop, step == null ? 1 : step).of(of, run);
    }

    private @Nullable Long bound(@Nullable Expression expression, Scope scope) {
        if (expression == null) {
            return null;
        }
        return switch (value(expression, scope)) {
            case None none -> null;
            case Long number -> number;
            case Boolean flag -> flag ? 1L : 0L;
            case Undefined undefined -> throw undefined.used(run);
            case Object other ->
                throw run.fail("a slice needs whole numbers, but gets %s.".formatted(ValueKinds.described(other)));
        };
    }

    /** @param extra what is passed by name besides what the call says */
    Object call(Expression.Call call, Map<String, Object> extra, Scope scope) {
        Object callee = value(call.callee(), scope);
        Arguments arguments = arguments(call.passed(), extra, scope);
        run.at(call.line());
        return switch (callee) {
            case Callable callable -> callable.call(arguments, run);
            case LoopState loop -> loop.recurse(arguments, run);
            case Undefined undefined -> throw undefined.used(run);
            default ->
                throw run.fail("%s is called, but only macros, methods and functions can be."
                        .formatted(ValueKinds.described(callee)));
        };
    }

    private Arguments arguments(Passed passed, Map<String, Object> extra, Scope scope) {
        List<Object> positional = values(passed.positional(), scope);
        if (passed.spread() != null) {
            positional.addAll(Sequences.list(value(passed.spread(), scope), run));
        }
        Map<String, Object> named = new LinkedHashMap<>();
        passed.named().forEach(keyword -> once(named, keyword.name(), value(keyword.value(), scope)));
        if (passed.spreadNamed() != null) {
            if (!(value(passed.spreadNamed(), scope) instanceof Map<?, ?> map)) {
                throw run.fail("what follows ** in a call must be a map.");
            }
            Sequences.entries(map).forEach((name, value) -> once(named, PythonText.str(name, run), value));
        }
        extra.forEach((name, value) -> once(named, name, value));
        return new Arguments(positional, named);
    }

    private void once(Map<String, Object> named, String name, Object value) {
        if (named.put(name, value) != null) {
            throw run.fail("the argument \"%s\" is passed twice; remove one.".formatted(name));
        }
    }

    Object filter(Named filter, Object value, Scope scope) {
        Arguments arguments = arguments(filter.passed(), Map.of(), scope);
        run.at(filter.line());
        return Filters.apply(filter.name(), value, arguments, run);
    }

    private Object test(Named test, Object value, Scope scope) {
        Arguments arguments = arguments(test.passed(), Map.of(), scope);
        run.at(test.line());
        return Tests.holds(test.name(), value, arguments, run);
    }

    private Object signed(Expression.Signed signed, Scope scope) {
        Object value = value(signed.value(), scope);
        run.at(signed.line());
        return Operators.signed(signed.negative(), value, run);
    }

    private Object arithmetic(Expression.Arithmetic arithmetic, Scope scope) {
        Object left = value(arithmetic.left(), scope);
        Object right = value(arithmetic.right(), scope);
        run.at(arithmetic.line());
        return Operators.arithmetic(arithmetic.operator(), left, right, run);
    }

    private Object concat(Expression.Concat concat, Scope scope) {
        Sink text = new Sink(run);
        for (Expression part : concat.parts()) {
            text.add(PythonText.str(value(part, scope), run));
        }
        return text.toString();
    }

    private Object compare(Expression.Compare compare, Scope scope) {
        Object left = value(compare.first(), scope);
        for (Expression.Comparison link : compare.rest()) {
            Object right = value(link.right(), scope);
            run.at(compare.line());
            if (!Operators.holds(link.operator(), left, right, run)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private Object and(Expression.And and, Scope scope) {
        Object left = value(and.left(), scope);
        return ValueKinds.truth(left) ? value(and.right(), scope) : left;
    }

    private Object or(Expression.Or or, Scope scope) {
        Object left = value(or.left(), scope);
        return ValueKinds.truth(left) ? left : value(or.right(), scope);
    }

    private Object conditional(Expression.Conditional conditional, Scope scope) {
        if (ValueKinds.truth(value(conditional.test(), scope))) {
            return value(conditional.then(), scope);
        }
        Expression otherwise = conditional.otherwise();
        return otherwise != null
                ? value(otherwise, scope)
                : new Undefined("the inline \"if\" is false and has no \"else\"");
    }
}
