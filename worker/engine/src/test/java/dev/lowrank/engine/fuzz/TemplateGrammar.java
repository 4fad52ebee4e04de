package dev.lowrank.engine.fuzz;

import java.util.List;

/** Writes templates that mostly compile, out of everything the language has, in senseless combinations. */
final class TemplateGrammar {
    private static final int DEEPEST = 6;
    private static final List<String> NAMES = List.of(
            "messages",
            "message",
            "m",
            "x",
            "ns",
            "loop",
            "tools",
            "bos_token",
            "add_generation_prompt",
            "caller",
            "varargs",
            "kwargs",
            "self",
            "undefined_name",
            "range",
            "dict",
            "namespace",
            "f");
    private static final List<String> FIELDS = List.of(
            "role",
            "content",
            "a",
            "index",
            "index0",
            "first",
            "last",
            "length",
            "previtem",
            "nextitem",
            "cycle",
            "changed",
            "depth",
            "items",
            "keys",
            "values",
            "__class__",
            "0");
    private static final List<String> FILTERS = List.of(
            "abs",
            "attr",
            "batch",
            "capitalize",
            "center",
            "count",
            "default",
            "dictsort",
            "escape",
            "first",
            "float",
            "forceescape",
            "format",
            "groupby",
            "indent",
            "int",
            "items",
            "join",
            "last",
            "length",
            "list",
            "lower",
            "map",
            "max",
            "min",
            "reject",
            "rejectattr",
            "replace",
            "reverse",
            "round",
            "safe",
            "select",
            "selectattr",
            "slice",
            "sort",
            "string",
            "sum",
            "title",
            "tojson",
            "trim",
            "truncate",
            "unique",
            "upper",
            "wordcount",
            "nonsense");
    private static final List<String> METHODS = List.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "partition",
            "rpartition",
            "replace",
            "startswith",
            "endswith",
            "find",
            "rfind",
            "index",
            "rindex",
            "count",
            "join",
            "format",
            "upper",
            "lower",
            "title",
            "capitalize",
            "swapcase",
            "casefold",
            "center",
            "ljust",
            "rjust",
            "zfill",
            "isdigit",
            "isalpha",
            "isupper",
            "isspace",
            "removeprefix",
            "removesuffix",
            "items",
            "keys",
            "values",
            "get",
            "append",
            "copy",
            "pop");
    private static final List<String> TESTS = List.of(
            "defined",
            "undefined",
            "none",
            "true",
            "false",
            "boolean",
            "integer",
            "float",
            "number",
            "string",
            "mapping",
            "iterable",
            "sequence",
            "callable",
            "escaped",
            "lower",
            "upper",
            "odd",
            "even",
            "filter",
            "test",
            "eq(1)",
            "ne 2",
            "lt(x)",
            "ge(0.5)",
            "in([1])",
            "divisibleby(3)",
            "divisibleby(0)",
            "sameas(none)",
            "nonsense");
    private static final List<String> LITERALS = List.of(
            "0",
            "1",
            "-1",
            "2",
            "7",
            "1.5",
            "1e3",
            "1e308",
            "99",
            "100000",
            "9223372036854775807",
            "-9223372036854775807",
            "0x_ff",
            "1_000",
            "true",
            "false",
            "none",
            "''",
            "'a'",
            "'a b\\tc'",
            "'%s %d'",
            "'%9999d'",
            "'{} {0}'",
            "'{x!r:>9}'",
            "'\\u00e9\\U0001F6A2'",
            "'<&>'",
            "\"q\"",
            "[]",
            "{}",
            "()",
            "(1,)",
            "[1, 'a', none]",
            "{'a': 1, 'b': [2]}",
            "'x' * 1000");
    private static final List<String> OPERATORS = List.of(
            "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in");

    private final Choices choices;

    private TemplateGrammar(Choices choices) {
        this.choices = choices;
    }

    static String write(Choices choices) {
        TemplateGrammar grammar = new TemplateGrammar(choices);
        StringBuilder out = new StringBuilder();
        do {
            out.append(grammar.statement(0));
        } while (!choices.ended() && out.length() < 6000);
        return out.toString();
    }

    private String body(int depth) {
        StringBuilder out = new StringBuilder();
        for (int i = choices.below(3); i >= 0; i--) {
            out.append(statement(depth + 1));
        }
        return out.toString();
    }

    private String statement(int depth) {
        if (depth > DEEPEST) {
            return choices.text();
        }
        return switch (choices.below(16)) {
            case 0, 1, 2, 3 -> "{{" + dash() + " " + expression(depth) + " " + dash() + "}}";
            case 4 -> block("set " + target() + " = " + expression(depth));
            case 5 -> block("if " + expression(depth)) + body(depth) + otherwise(depth) + block("endif");
            case 6, 7 ->
                block("for " + loopTarget() + " in " + expression(depth)
                                + (choices.oneIn(4) ? " if " + expression(depth) : "")
                                + (choices.oneIn(6) ? " recursive" : ""))
                        + body(depth)
                        + (choices.oneIn(6) ? block(choices.of(List.of("break", "continue"))) : "")
                        + (choices.oneIn(4) ? block("else") + body(depth) : "")
                        + block("endfor");
            case 8 ->
                block("macro f(x" + (choices.oneIn(2) ? "" : ", m=" + expression(depth)) + ")")
                        + body(depth)
                        + block("endmacro");
            case 9 -> block("call f(" + arguments(depth) + ")") + body(depth) + block("endcall");
            case 10 -> block("filter " + filter(depth)) + body(depth) + block("endfilter");
            case 11 -> block("with x = " + expression(depth)) + body(depth) + block("endwith");
            case 12 -> block("set ns = namespace(a=" + expression(depth) + ")");
            case 13 -> block("set x") + body(depth) + block("endset");
            case 14 ->
                choices.of(List.of(
                        "{# c #}",
                        "{% raw %}{{ x }}{% endraw %}",
                        "{% generation %}a{% endgeneration %}",
                        "{{",
                        "%}",
                        "{% endif %}",
                        "{%- else -%}"));
            default -> choices.text();
        };
    }

    private String otherwise(int depth) {
        return switch (choices.below(3)) {
            case 0 -> block("else") + body(depth);
            case 1 -> block("elif " + expression(depth)) + body(depth);
            default -> "";
        };
    }

    private String block(String inside) {
        return "{%" + dash() + " " + inside + " " + dash() + "%}";
    }

    private String dash() {
        return switch (choices.below(4)) {
            case 0 -> "-";
            case 1 -> choices.oneIn(4) ? "+" : "";
            default -> "";
        };
    }

    private String target() {
        return choices.of(List.of("x", "m", "ns.a", "x, m", "ns", "(x, (m, a))", "loop", "messages"));
    }

    private String loopTarget() {
        return choices.of(List.of("x", "m", "x, m", "message", "loop", "(x, m)"));
    }

    private String expression(int depth) {
        if (depth > DEEPEST || choices.ended()) {
            return choices.of(NAMES);
        }
        int next = depth + 1;
        return switch (choices.below(18)) {
            case 0, 1, 2 -> choices.of(LITERALS);
            case 3, 4 -> choices.of(NAMES);
            case 5 -> expression(next) + "." + choices.of(FIELDS);
            case 6 -> expression(next) + "[" + expression(next) + "]";
            case 7 -> expression(next) + "[" + slice(next) + "]";
            case 8 -> "(" + expression(next) + " " + choices.of(OPERATORS) + " " + expression(next) + ")";
            case 9, 10 -> expression(next) + " | " + filter(next);
            case 11 -> expression(next) + "." + choices.of(METHODS) + "(" + arguments(next) + ")";
            case 12 -> expression(next) + " is " + (choices.oneIn(3) ? "not " : "") + choices.of(TESTS);
            case 13 -> "(" + expression(next) + " if " + expression(next) + " else " + expression(next) + ")";
            case 14 -> choices.of(List.of("not ", "-", "+")) + expression(next);
            case 15 -> "[" + arguments(next) + "]";
            case 16 -> choices.of(NAMES) + "(" + arguments(next) + ")";
            default -> "{" + choices.of(LITERALS) + ": " + expression(next) + "}";
        };
    }

    private String slice(int depth) {
        String from = choices.oneIn(2) ? "" : expression(depth);
        String to = choices.oneIn(2) ? "" : expression(depth);
        return from + ":" + to + (choices.oneIn(2) ? "" : ":" + expression(depth));
    }

    private String filter(int depth) {
        return choices.of(FILTERS) + (choices.oneIn(2) ? "" : "(" + arguments(depth) + ")");
    }

    private String arguments(int depth) {
        StringBuilder out = new StringBuilder();
        for (int i = choices.below(4); i > 0; i--) {
            out.append(out.isEmpty() ? "" : ", ")
                    .append(
                            switch (choices.below(8)) {
                                case 0 ->
                                    choices.of(List.of(
                                                    "attribute=",
                                                    "default=",
                                                    "width=",
                                                    "indent=",
                                                    "start=",
                                                    "x=",
                                                    "sep=",
                                                    "case_sensitive=",
                                                    "by="))
                                            + expression(depth);
                                case 1 ->
                                    "'"
                                            + choices.of(List.of(
                                                    "role", "upper", "a.b", "0", "equalto", "content", "length"))
                                            + "'";
                                default -> expression(depth);
                            });
        }
        return out.toString();
    }
}
