package dev.lowrank.engine.template;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;

/** Python's names and truth of values. */
final class ValueKinds {
    private ValueKinds() {}

    /** Python's name of the type. */
    static String name(Object value) {
        return switch (value) {
            case None none -> "NoneType";
            case Boolean flag -> "bool";
            case Long number -> "int";
            case BigInteger number -> "int";
            case Double number -> "float";
            case String text -> "str";
            case Markup markup -> "Markup";
            case Tuple tuple -> "tuple";
            case Range range -> "range";
            case List<?> list -> "list";
            case Map<?, ?> map -> "dict";
            case DictView view -> view.kind();
            case Lazy lazy -> "generator";
            case Undefined undefined -> "Undefined";
            case Namespace namespace -> "namespace";
            case LoopState loop -> "loop";
            case Macro macro -> "macro";
            default -> "function";
        };
    }

    /** How messages speak of a value. */
    static String described(Object value) {
        return value == None.NONE ? "None" : "'" + name(value) + " object'";
    }

    static boolean truth(Object value) {
        return switch (value) {
            case None none -> false;
            case Undefined undefined -> false;
            case Boolean flag -> flag;
            case Long number -> number != 0;
            case BigInteger number -> number.signum() != 0;
            case Double number -> number != 0;
            case String text -> !text.isEmpty();
            case Markup markup -> !markup.text().isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case DictView view -> !view.entries().isEmpty();
            default -> true;
        };
    }

    static boolean isNumber(Object value) {
        return value instanceof Boolean
                || value instanceof Long
                || value instanceof Double
                || value instanceof BigInteger;
    }
}
