package dev.lowrank.kernels.cpu;

/** The columns {@code [from, from + count)} of a matrix that has {@code all}. */
record Slice(int from, int count, int all) {
    static Slice whole(int all) {
        return new Slice(0, all, all);
    }

    boolean last() {
        return from + count == all;
    }
}
