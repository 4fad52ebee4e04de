package dev.lowrank.engine.template;

import java.util.List;
import java.util.Map;

/** Whether values are equal and which comes first, as in Python. */
final class Comparison {
    private Comparison() {}

    // The same object is equal to itself, however deep it is; namespaces and functions equal nothing else.
    @SuppressWarnings("ReferenceEquality")
    static boolean same(Object left, Object right, int depth, Run run) {
        run.step(1);
        if (left == right) {
            return !(left instanceof Double number && number.isNaN());
        }
        if (ValueKinds.isNumber(left) && ValueKinds.isNumber(right)) {
            return Numbers.equal(left, right);
        }
        if (Operators.isText(left) && Operators.isText(right)) {
            String a = PythonText.str(left, run);
            run.scan(a.length());
            return a.equals(PythonText.str(right, run));
        }
        return switch (left) {
            case Undefined undefined -> right instanceof Undefined;
            case Map<?, ?> map -> right instanceof Map<?, ?> other && sameMaps(map, other, deeper(depth, run), run);
            case List<?> list ->
                right instanceof List<?> other
                        && (list instanceof Tuple) == (other instanceof Tuple)
                        && (list instanceof Range) == (other instanceof Range)
                        && sameLists(list, other, deeper(depth, run), run);
            default -> false;
        };
    }

    private static int deeper(int depth, Run run) {
        if (depth >= Limits.VALUE_DEPTH) {
            throw run.fail("values that are compared are more than %d levels deep; build flatter ones."
                    .formatted(Limits.VALUE_DEPTH));
        }
        return depth + 1;
    }

    private static boolean sameMaps(Map<?, ?> left, Map<?, ?> right, int depth, Run run) {
        if (left.size() != right.size()) {
            return false;
        }
        for (Map.Entry<Object, Object> entry : Sequences.entries(left).entrySet()) {
            Object other = right.get(entry.getKey());
            if (other == null || !same(entry.getValue(), other, depth, run)) {
                return false;
            }
        }
        return true;
    }

    private static boolean sameLists(List<?> left, List<?> right, int depth, Run run) {
        if (left.size() != right.size()) {
            return false;
        }
        for (int i = 0; i < left.size(); i++) {
            if (!same(left.get(i), right.get(i), depth, run)) {
                return false;
            }
        }
        return true;
    }

    static int compare(Object left, Object right, int depth, Run run) {
        run.step(1);
        if (ValueKinds.isNumber(left) && ValueKinds.isNumber(right)) {
            return Numbers.compare(left, right);
        }
        if (Operators.isText(left) && Operators.isText(right)) {
            String a = PythonText.str(left, run);
            run.scan(a.length());
            return CodePoints.compare(a, PythonText.str(right, run));
        }
        if (left instanceof List<?> a && right instanceof List<?> b && a instanceof Tuple == b instanceof Tuple) {
            return compareLists(a, b, deeper(depth, run), run);
        }
        throw run.fail("%s and %s have no order; compare numbers with numbers and texts with texts."
                .formatted(ValueKinds.described(left), ValueKinds.described(right)));
    }

    private static int compareLists(List<?> left, List<?> right, int depth, Run run) {
        for (int i = 0; i < Math.min(left.size(), right.size()); i++) {
            if (!same(left.get(i), right.get(i), depth, run)) {
                return compare(left.get(i), right.get(i), depth, run);
            }
        }
        return Integer.compare(left.size(), right.size());
    }
}
