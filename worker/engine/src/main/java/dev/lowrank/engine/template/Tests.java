package dev.lowrank.engine.template;

import java.math.BigInteger;
import java.util.Map;
import java.util.TreeSet;

/** The tests behind {@code is}. */
final class Tests {
    /** A test without arguments beyond the value tested. */
    private interface Question {
        boolean holds(Object value, Run run);
    }

    /** Tests of the value alone. */
    private static final Map<String, Question> QUESTIONS = Map.ofEntries(
            Map.entry("defined", (value, run) -> !(value instanceof Undefined)),
            Map.entry("undefined", (value, run) -> value instanceof Undefined),
            Map.entry("none", (value, run) -> value == None.NONE),
            Map.entry("true", (value, run) -> value.equals(true)),
            Map.entry("false", (value, run) -> value.equals(false)),
            Map.entry("boolean", (value, run) -> value instanceof Boolean),
            Map.entry("integer", (value, run) -> value instanceof Long || value instanceof BigInteger),
            Map.entry("float", (value, run) -> value instanceof Double),
            Map.entry("number", (value, run) -> ValueKinds.isNumber(value)),
            Map.entry("string", (value, run) -> Operators.isText(value)),
            Map.entry("mapping", (value, run) -> value instanceof Map<?, ?>),
            Map.entry("iterable", (value, run) -> Sequences.isIterable(value)),
            Map.entry("sequence", (value, run) -> Sequences.length(value, run) >= 0 && !(value instanceof DictView)),
            Map.entry("callable", (value, run) -> value instanceof Callable || value instanceof LoopState),
            Map.entry("escaped", (value, run) -> value instanceof Markup),
            Map.entry("lower", (value, run) -> TextCase.isLower(PythonText.str(value, run))),
            Map.entry("upper", (value, run) -> TextCase.isUpper(PythonText.str(value, run))),
            Map.entry("odd", (value, run) -> remainder(value, 2L, run) == 1),
            Map.entry("even", (value, run) -> remainder(value, 2L, run) == 0),
            Map.entry("filter", (value, run) -> Filters.isKnown(PythonText.str(value, run))),
            Map.entry("test", (value, run) -> isKnown(PythonText.str(value, run))));

    /** Tests that compare with an argument, and the operator each stands for. */
    private static final Map<String, String> COMPARISONS = Map.ofEntries(
            Map.entry("eq", "=="),
            Map.entry("equalto", "=="),
            Map.entry("==", "=="),
            Map.entry("ne", "!="),
            Map.entry("!=", "!="),
            Map.entry("lt", "<"),
            Map.entry("lessthan", "<"),
            Map.entry("<", "<"),
            Map.entry("le", "<="),
            Map.entry("<=", "<="),
            Map.entry("gt", ">"),
            Map.entry("greaterthan", ">"),
            Map.entry(">", ">"),
            Map.entry("ge", ">="),
            Map.entry(">=", ">="),
            Map.entry("in", "in"));

    private Tests() {}

    static boolean isKnown(String name) {
        return QUESTIONS.containsKey(name)
                || COMPARISONS.containsKey(name)
                || name.equals("divisibleby")
                || name.equals("sameas");
    }

    static boolean holds(String name, Object value, Arguments arguments, Run run) {
        String what = "the test \"" + name + "\"";
        Question question = QUESTIONS.get(name);
        if (question != null) {
            arguments.bind(run, what);
            return question.holds(value, run);
        }
        String operator = COMPARISONS.get(name);
        if (operator != null) {
            return Operators.holds(
                    operator, value, arguments.bind(run, what, "other").required("other"), run);
        }
        return switch (name) {
            case "divisibleby" ->
                remainder(value, arguments.bind(run, what, "num").required("num"), run) == 0;
            case "sameas" -> sameAs(value, arguments.bind(run, what, "other").required("other"));
            default -> throw unknown(name, run);
        };
    }

    private static TemplateException unknown(String name, Run run) {
        TreeSet<String> known = new TreeSet<>(QUESTIONS.keySet());
        known.addAll(COMPARISONS.keySet());
        known.add("divisibleby");
        known.add("sameas");
        return run.fail("there is no test \"%s\"; known are %s.".formatted(name, String.join(", ", known)));
    }

    private static double remainder(Object value, Object divisor, Run run) {
        return Numbers.real(Operators.arithmetic("%", number(value, run), number(divisor, run), run));
    }

    private static Object number(Object value, Run run) {
        if (value instanceof Undefined undefined) {
            throw undefined.used(run);
        }
        if (!ValueKinds.isNumber(value)) {
            throw run.fail("a test of numbers gets %s; pass a number.".formatted(ValueKinds.described(value)));
        }
        return value;
    }

    /** Small whole numbers, truth values and none are the same object in Python wherever they come from. */
    @SuppressWarnings("ReferenceEquality")
    private static boolean sameAs(Object value, Object other) {
        boolean constant = value instanceof Boolean || value instanceof Long || value instanceof String;
        return value == other || (constant && value.equals(other));
    }
}
