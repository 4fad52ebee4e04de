package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code value[start:stop:step]} with Python's rules for what is negative, missing or out of range. */
record Slices(@Nullable Long start, @Nullable Long stop, long step) {
    Object of(Object value, Run run) {
        return switch (value) {
            case String text -> text(text, run);
            case Markup markup -> new Markup(text(markup.text(), run));
            case Tuple tuple -> Tuple.copyOf(list(tuple, run));
            case List<?> list -> list(Sequences.objects(list), run);
            case Undefined undefined -> throw undefined.used(run);
            default ->
                throw run.fail("%s cannot be sliced; use a list or a text.".formatted(ValueKinds.described(value)));
        };
    }

    private String text(String text, Run run) {
        run.scan(text.length());
        int size = CodePoints.length(text);
        int from = first(size);
        int count = count(size, from);
        run.text(Math.min(2L * count, text.length()));
        if (step == 1) {
            return CodePoints.sub(text, from, from + count);
        }
        int[] points = text.codePoints().toArray();
        int[] taken = new int[count];
        for (int i = 0; i < count; i++) {
            taken[i] = points[(int) (from + i * step)];
        }
        return new String(taken, 0, count);
    }

    private List<Object> list(List<Object> list, Run run) {
        int from = first(list.size());
        int count = count(list.size(), from);
        run.elements(count);
        List<Object> taken = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            taken.add(list.get((int) (from + i * step)));
        }
        return taken;
    }

    private int first(int size) {
        if (start == null) {
            return step > 0 ? 0 : size - 1;
        }
        return clamp(start, size);
    }

    private int count(int size, int from) {
        long end = stop == null ? (step > 0 ? size : -1) : clamp(stop, size);
        long span = step > 0 ? end - from : from - end;
        return span <= 0 ? 0 : (int) ((span - 1) / Math.abs(step) + 1);
    }

    private int clamp(long index, int size) {
        long counted = index < 0 ? index + size : index;
        return step > 0 ? Math.clamp(counted, 0, size) : Math.clamp(counted, -1, Math.max(-1, size - 1));
    }
}
