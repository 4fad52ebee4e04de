package dev.lowrank.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/** Calculating as Python does: whole numbers stay whole, {@code /} gives a float, {@code //} and {@code %} round down. */
final class Numbers {
    private Numbers() {}

    /** A whole number or truth value as a long; other values as null. */
    static @Nullable Long whole(Object value) {
        return switch (value) {
            case Long number -> number;
            case Boolean flag -> flag ? 1L : 0L;
            default -> null;
        };
    }

    static double real(Object value) {
        return switch (value) {
            case Boolean flag -> flag ? 1 : 0;
            case Number number -> number.doubleValue();
            default -> throw new IllegalArgumentException(ValueKinds.name(value));
        };
    }

    static Object calculate(String operator, Object left, Object right, Run run) {
        boolean zero = real(right) == 0;
        if (zero && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
            throw run.fail("\"%s\" divides by zero; guard it with an \"if\".".formatted(operator));
        }
        if (left instanceof Double || right instanceof Double || operator.equals("/")) {
            return reals(operator, real(left), real(right), run);
        }
        Long a = whole(left);
        Long b = whole(right);
        if (a == null || b == null) {
            throw tooLarge(run);
        }
        if (operator.equals("**") && b < 0) {
            return reals(operator, a, b, run);
        }
        try {
            return wholes(operator, a, b);
        } catch (ArithmeticException e) {
            throw tooLarge(run);
        }
    }

    private static TemplateException tooLarge(Run run) {
        return run.fail("a whole number goes beyond 64 bits; calculate with smaller ones.");
    }

    private static long wholes(String operator, long a, long b) {
        return switch (operator) {
            case "+" -> Math.addExact(a, b);
            case "-" -> Math.subtractExact(a, b);
            case "*" -> Math.multiplyExact(a, b);
            case "//" -> Math.floorDivExact(a, b);
            case "%" -> Math.floorMod(a, b);
            case "**" -> power(a, b);
            default -> throw new IllegalArgumentException(operator);
        };
    }

    private static long power(long base, long exponent) {
        long result = 1;
        long square = base;
        for (long left = exponent; left > 0; left >>= 1) {
            if ((left & 1) == 1) {
                result = Math.multiplyExact(result, square);
            }
            if (left > 1) {
                square = Math.multiplyExact(square, square);
            }
        }
        return result;
    }

    private static double reals(String operator, double a, double b, Run run) {
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> Math.floor((a - remainder(a, b)) / b + 0.5);
            case "%" -> remainder(a, b);
            case "**" -> finitePower(a, b, run);
            default -> throw new IllegalArgumentException(operator);
        };
    }

    private static double finitePower(double a, double b, Run run) {
        double power = Math.pow(a, b);
        if (!Double.isFinite(power) && Double.isFinite(a) && Double.isFinite(b)) {
            throw run.fail("a power is no finite number; calculate with smaller ones.");
        }
        return power;
    }

    /** The remainder with the divisor's sign. */
    private static double remainder(double a, double b) {
        double rest = a % b;
        if (rest == 0) {
            return Math.copySign(0, b);
        }
        return (rest < 0) == (b < 0) ? rest : rest + b;
    }

    static boolean equal(Object left, Object right) {
        if ((left instanceof Double a && a.isNaN()) || (right instanceof Double b && b.isNaN())) {
            return false;
        }
        return compare(left, right) == 0;
    }

    static int compare(Object left, Object right) {
        Long a = whole(left);
        Long b = whole(right);
        if (a != null && b != null) {
            return Long.compare(a, b);
        }
        double x = real(left);
        double y = real(right);
        if (!Double.isFinite(x) || !Double.isFinite(y)) {
            return Double.compare(x, y);
        }
        return exact(left).compareTo(exact(right));
    }

    private static BigDecimal exact(Object value) {
        return switch (value) {
            case BigInteger big -> new BigDecimal(big);
            case Double number -> new BigDecimal(number);
            case Long number -> BigDecimal.valueOf(number);
            default -> BigDecimal.valueOf((long) real(value));
        };
    }
}
