package dev.lowrank.engine.fuzz;

/** What reading many inputs came to. */
final class Tally {
    private static final int WARM = 50;

    private long inputs;
    private long refused;
    private long mostAllocated;
    private long mostPerByte;
    private long nanoseconds;
    private long nativeBytes;

    void add(Watch.Outcome outcome, int length) {
        inputs++;
        refused += outcome.refusal() == null ? 0 : 1;
        nativeBytes = Math.max(nativeBytes, outcome.nativeBytes());
        if (inputs > WARM) { // before that, classes are loaded
            nanoseconds = Math.max(nanoseconds, outcome.nanoseconds());
            mostAllocated = Math.max(mostAllocated, outcome.allocated());
            mostPerByte = Math.max(mostPerByte, outcome.allocated() / Math.max(2_000, length));
        }
    }

    @Override
    public String toString() {
        return "%d inputs, %d of them refused; the most for one: %d KiB allocated, %d bytes for each of at least 2000, %d ms, %d KiB native"
                .formatted(
                        inputs, refused, mostAllocated >> 10, mostPerByte, nanoseconds / 1_000_000, nativeBytes >> 10);
    }
}
