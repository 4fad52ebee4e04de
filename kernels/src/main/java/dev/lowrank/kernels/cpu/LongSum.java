package dev.lowrank.kernels.cpu;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * {@code C = base + A B + A' B' + ...} where factors come one pair after the other, as they are made. In between sums are F32, with rows
 * that do not meet in the cache; what comes last goes to C with all of it. An instance belongs to one thread and makes one
 * sum after the other.
 */
final class LongSum implements AutoCloseable {
    private final Scratch memory = new Scratch(); // F32 [m, stride]
    private @Nullable StripProduct product;
    private int m;
    private int n;
    private StripProduct.@Nullable Target c;
    private StripProduct.@Nullable Target between; // where sums are before the last part
    private StripProduct.@Nullable Target before; // what there is so far

    /** Bytes of the sums in between. */
    static long bytes(int m, int n) {
        return m * SpreadRows.stride(n, Float.BYTES) * Float.BYTES;
    }

    /**
     * For C [m, n].
     *
     * @param base as for a product
     * @param inPlace sums are in C all the time, and rounded as it is: for one part or two that is enough, and less to pass over
     */
    void begin(
            StripProduct product,
            int m,
            int n,
            StripProduct.Target c,
            StripProduct.@Nullable Target base,
            boolean inPlace) {
        this.product = product;
        this.m = m;
        this.n = n;
        this.c = c;
        between = inPlace ? c : sums();
        before = base;
    }

    private StripProduct.Target sums() {
        long address = memory.atLeast(bytes(m, n)).address();
        return new StripProduct.Target(address, SpreadRows.stride(n, Float.BYTES), false);
    }

    /**
     * Adds {@code A B}, and {@code A' B'} if there is a term.
     *
     * @param last C is complete with it
     */
    void add(StripProduct.Factors factors, StripProduct.@Nullable Factors term, boolean last) {
        StripProduct.Target to = Objects.requireNonNull(last ? c : between);
        Objects.requireNonNull(product).run(m, n, factors, term, to, before);
        before = to;
    }

    @Override
    public void close() {
        memory.close();
    }
}
