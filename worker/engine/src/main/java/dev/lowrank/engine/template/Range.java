package dev.lowrank.engine.template;

import java.util.AbstractList;
import java.util.RandomAccess;

/** {@code range(start, stop, step)}: counted, never stored. */
final class Range extends AbstractList<Object> implements RandomAccess {
    private final long start;
    private final long stop;
    private final long step;
    private final int size;

    private Range(long start, long stop, long step, int size) {
        this.start = start;
        this.stop = stop;
        this.step = step;
        this.size = size;
    }

    static Range of(long start, long stop, long step, Run run) {
        if (step == 0) {
            throw run.fail("range() needs a step other than 0.");
        }
        double span = step > 0 ? (double) stop - start : (double) start - stop;
        if (span / Math.abs((double) step) > Limits.RANGE) {
            throw run.fail("range() would have more than %d elements; use a shorter range.".formatted(Limits.RANGE));
        }
        long length = span <= 0 ? 0 : (step > 0 ? stop - start - 1 : start - stop - 1) / Math.abs(step) + 1;
        return new Range(start, stop, step, (int) length);
    }

    @Override
    public Object get(int index) {
        return start + index * step;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public String toString() {
        return step == 1 ? "range(%d, %d)".formatted(start, stop) : "range(%d, %d, %d)".formatted(start, stop, step);
    }
}
