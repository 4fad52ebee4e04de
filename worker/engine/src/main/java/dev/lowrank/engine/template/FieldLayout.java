package dev.lowrank.engine.template;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * How a formatted value is laid out.
 *
 * @param align {@code <}, {@code >}, {@code ^} or {@code =} (zeros between sign and digits)
 * @param sign {@code -}, {@code +} or a space
 * @param precision digits or characters, or -1
 * @param type one letter, or 0
 */
record FieldLayout(String fill, char align, char sign, int width, boolean grouped, int precision, char type) {
    String lay(Object value, Run run) {
        boolean number = ValueKinds.isNumber(value) && type != 's' && type != 'r';
        String text = number ? number(value, run) : text(value, run);
        int signs = number && !text.isEmpty() && "+- ".indexOf(text.charAt(0)) >= 0 ? 1 : 0;
        return switch (align) {
            case '<' -> TextEdges.pad(text, width, fill, false, true, run);
            case '^' -> centered(text, run);
            case '=' ->
                text.substring(0, signs) + TextEdges.pad(text.substring(signs), width - signs, fill, true, false, run);
            default -> TextEdges.pad(text, width, fill, true, false, run);
        };
    }

    private String centered(String text, Run run) {
        long left = Math.max(0, width - CodePoints.length(text)) / 2;
        String half = TextEdges.pad(text, CodePoints.length(text) + left, fill, true, false, run);
        return TextEdges.pad(half, width, fill, false, true, run);
    }

    private String text(Object value, Run run) {
        String text = type == 'r' ? PythonText.repr(value, run) : PythonText.str(value, run);
        return precision >= 0 && precision < CodePoints.length(text) ? CodePoints.sub(text, 0, precision) : text;
    }

    private String number(Object value, Run run) {
        String plain = switch (type) {
            case 0 -> precision >= 0 ? fixed(value, precision) : PythonText.str(value, run);
            case 'd', 'i' -> whole(value, run).toString();
            case 'x' -> Long.toString(whole(value, run), 16);
            case 'o' -> Long.toString(whole(value, run), 8);
            case 'b' -> Long.toString(whole(value, run), 2);
            case 'f', 'F' -> fixed(value, precision < 0 ? 6 : precision);
            case '%' -> fixed(Numbers.real(value) * 100, precision < 0 ? 6 : precision) + "%";
            default ->
                throw run.fail("the format type \"%s\" is not known; use s, r, d, x, o, b, f or %%.".formatted(type));
        };
        String signed = plain.startsWith("-") || sign == '-' ? plain : sign + plain;
        return grouped ? group(signed) : signed;
    }

    private static Long whole(Object value, Run run) {
        Long whole = value instanceof Double real ? Long.valueOf((long) (double) real) : Numbers.whole(value);
        if (whole == null) {
            throw run.fail("a whole number goes beyond 64 bits; format smaller ones.");
        }
        return whole;
    }

    private static String fixed(Object value, int digits) {
        double real = Numbers.real(value);
        if (!Double.isFinite(real)) {
            return PythonText.real(real);
        }
        String text =
                new BigDecimal(real).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
        return real < 0 && !text.startsWith("-") ? "-" + text : text;
    }

    private static String group(String number) {
        int dot = number.indexOf('.');
        String whole = dot < 0 ? number : number.substring(0, dot);
        return whole.replaceAll("(?<=\\d)(?=(?:\\d{3})+$)", ",") + (dot < 0 ? "" : number.substring(dot));
    }
}
