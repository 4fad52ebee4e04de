package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What belongs to the rows of a block of scores: two numbers for each, and the keys that it sees. */
final class ScoreRows {
    // Places within what a row has.
    static final int SHIFT = 0; // fp32
    static final int DELTA = 4; // fp32
    static final int BEGIN = 8; // the first key that the row sees
    static final int END = 12; // the one after its last
    static final int BYTES = 16;

    private final MemorySegment table;
    private int lastBegin;
    private int firstEnd = Integer.MAX_VALUE;

    ScoreRows(int rows) {
        table = Arena.ofAuto().allocate((long) rows * BYTES, 64);
    }

    /** Row after row as the places above say. */
    MemorySegment table() {
        return table;
    }

    /** Before rows see other keys. */
    void clear() {
        lastBegin = 0;
        firstEnd = Integer.MAX_VALUE;
    }

    void sees(int row, int begin, int end) {
        lastBegin = Math.max(lastBegin, begin);
        firstEnd = Math.min(firstEnd, end);
        table.set(JAVA_INT, row * (long) BYTES + BEGIN, begin);
        table.set(JAVA_INT, row * (long) BYTES + END, end);
    }

    int begin(int row) {
        return table.get(JAVA_INT, row * (long) BYTES + BEGIN);
    }

    int end(int row) {
        return table.get(JAVA_INT, row * (long) BYTES + END);
    }

    /** The last of the first keys that rows see; all rows have been told since {@link #clear}. */
    int lastBegin() {
        return lastBegin;
    }

    /** The first of the keys where what a row sees ends. */
    int firstEnd() {
        return firstEnd;
    }

    /** Whether all rows see all of so many keys. */
    boolean seeAll(int first, int keys) {
        return lastBegin <= first && firstEnd >= first + keys;
    }

    /** What is added to {@code factor s} in the exponent of a power of two; the largest score, where exponentials were taken. */
    float shift(int row) {
        return table.get(JAVA_FLOAT, row * (long) BYTES + SHIFT);
    }

    /** What is subtracted from dP; the sum of exponentials, where they were taken. */
    float delta(int row) {
        return table.get(JAVA_FLOAT, row * (long) BYTES + DELTA);
    }

    void shift(int row, float value) {
        table.set(JAVA_FLOAT, row * (long) BYTES + SHIFT, value);
    }

    void delta(int row, float value) {
        table.set(JAVA_FLOAT, row * (long) BYTES + DELTA, value);
    }
}
