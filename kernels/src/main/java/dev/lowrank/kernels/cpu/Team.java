package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that work on one operation together; the caller is number 0. Work is divided by arithmetic, not
 * by who comes first, so that a result depends on the number of threads but never on timing. Who does a part may depend on it: one
 * that its thread has not begun when the caller is through with its own, the caller does as well, since the system may let that thread
 * wait for longer than an operation takes.
 */
class Team implements AutoCloseable {
    /** Work below this many element operations is done by the caller alone: handing it out would cost more. */
    private static final long ALONE = 1 << 15;

    /** Boundaries between threads fall on multiples of a cache line, which is also a multiple of every vector. */
    private static final long LINE = 16;

    /** Looks for news this often before others may have the processor meanwhile: some ten microseconds. */
    private static final int SPINS = 200;

    /**
     * For so many nanoseconds a thread looks for news before it sleeps. Waking it takes as long as a small operation does,
     * and the gaps between operations are shorter than this as long as a pass goes on.
     */
    private static final long AWAKE = 2_000_000;

    private final int size;
    private final Worker[] workers;
    private final Scratch[] scratch;
    private final AtomicInteger pending = new AtomicInteger();

    private Task task = part -> {};
    private int rounds; // The caller's own count of what it has published in round.
    private volatile int round;
    private volatile boolean closed;
    private volatile @Nullable Thread waiting;
    private @Nullable Thread lastCaller;

    /** What one thread does for one operation. */
    @FunctionalInterface
    interface Task {
        void run(int part);
    }

    /** What one thread does with its share {@code [from, to)} of the items. */
    @FunctionalInterface
    interface Share {
        void run(long from, long to);
    }

    /** A share, and which part of the team has it. */
    @FunctionalInterface
    interface PartShare {
        void run(int part, long from, long to);
    }

    Team(int size) {
        this(size, size - 1);
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /** Without the caller so many threads, not yet there. */
    Team(int size, int workers) {
        this.size = size;
        this.workers = new Worker[workers];
        this.scratch = new Scratch[size];
        Arrays.setAll(scratch, part -> new Scratch());
    }

    int size() {
        return size;
    }

    /** Into how many parts work of this many element operations is worth dividing. */
    int parts(long operations) {
        return operations < ALONE ? 1 : size;
    }

    /** Divides rows of {@code columns} elements each. */
    void rows(long rows, long columns, Share share) {
        split(rows, 1, parts(rows * columns), share);
    }

    /** The same where a share needs to know whose it is. */
    void rows(long rows, long columns, PartShare share) {
        split(rows, 1, parts(rows * columns), share);
    }

    /** Divides single elements. */
    void elements(long count, Share share) {
        split(count, LINE, parts(count), share);
    }

    /** The same where a share needs to know whose it is. */
    void elements(long count, PartShare share) {
        split(count, LINE, parts(count), share);
    }

    /** Divides the columns of a matrix, for sums that run down the rows. */
    void columns(long rows, long columns, PartShare share) {
        split(columns, LINE, parts(rows * columns), share);
    }

    /** Divides items into {@code parts} shares whose boundaries are multiples of {@code multiple}. */
    void split(long items, long multiple, int parts, Share share) {
        if (parts == 1) {
            begin();
            share.run(0, items);
            return;
        }
        split(items, multiple, parts, (part, from, to) -> share.run(from, to));
    }

    /** The same where a share needs to know whose it is. */
    void split(long items, long multiple, int parts, PartShare share) {
        run(parts, part -> {
            long from = bound(items, multiple, part, parts);
            long to = bound(items, multiple, part + 1, parts);
            if (from < to) {
                share.run(part, from, to);
            }
        });
    }

    /** Runs the task once for each part: 1, or as many as there are threads. */
    void run(int parts, Task work) {
        begin();
        if (parts == 1) {
            work.run(0);
            return;
        }
        if (parts != size) {
            throw new IllegalArgumentException("Work divides into 1 or %d parts, not %d.".formatted(size, parts));
        }
        task = work;
        pending.set(size - 1);
        round = ++rounds; // The volatile write that publishes the task.
        for (Worker worker : workers) {
            worker.wake();
        }
        @Nullable Throwable failure = null;
        try {
            work.run(0);
        } catch (Throwable e) {
            failure = e;
        }
        for (Worker worker : workers) {
            worker.begin(rounds);
        }
        awaitWorkers();
        for (Worker worker : workers) {
            failure = failure == null ? worker.failure : failure;
            worker.failure = null;
        }
        rethrow(failure);
    }

    /** What the parts have of their own, all together. */
    long scratchBytes() {
        return Arrays.stream(scratch).mapToLong(Scratch::bytes).sum();
    }

    /** Memory of one part's own, at least {@code bytes} long, contents undefined; the same memory at every call. */
    MemorySegment scratch(int part, long bytes) {
        return scratch[part].atLeast(bytes);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        round = ++rounds;
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
        for (Worker worker : workers) {
            joinUninterruptibly(worker);
        }
        for (Scratch one : scratch) {
            one.close();
        }
    }

    /** Before any work of a caller. */
    void begin() {
        if (closed) {
            throw new IllegalStateException("These kernels are closed.");
        }
        Thread caller = Thread.currentThread();
        if (caller != lastCaller) {
            OneDnn.stayOnThisThread();
            lastCaller = caller;
        }
    }

    private void awaitWorkers() {
        if (soon(() -> pending.get() == 0)) {
            return;
        }
        waiting = Thread.currentThread();
        boolean interrupted = false;
        while (pending.get() != 0) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        waiting = null;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether something comes about before it is time to sleep. */
    private static boolean soon(BooleanSupplier news) {
        for (int spin = 0; spin < SPINS; spin++) {
            if (news.getAsBoolean()) {
                return true;
            }
            Thread.onSpinWait();
        }
        long end = System.nanoTime() + AWAKE;
        while (!news.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                return false;
            }
            Thread.yield();
        }
        return true;
    }

    private static long bound(long items, long multiple, int part, int parts) {
        long groups = (items + multiple - 1) / multiple;
        return Math.min(items, groups * part / parts * multiple);
    }

    private static void rethrow(@Nullable Throwable failure) {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }

    static void joinUninterruptibly(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private final class Worker extends Thread {
        private final int part;
        private final AtomicInteger begun = new AtomicInteger(); // the last round of which somebody has begun this part
        private volatile boolean parked;
        private @Nullable Throwable failure; // Published by the decrement of pending.

        Worker(int part) {
            super("kernels-" + part);
            this.part = part;
            setDaemon(true);
        }

        @Override
        public void run() {
            OneDnn.stayOnThisThread();
            int seen = 0;
            while (!closed) {
                awaitRoundAfter(seen);
                seen = round;
                if (!closed && begin(seen)) {
                    LockSupport.unpark(waiting);
                }
            }
        }

        /** Does the part in this round unless somebody has begun it; whether it was the last. */
        boolean begin(int now) {
            if (!begun.compareAndSet(now - 1, now)) {
                return false;
            }
            try {
                task.run(part);
            } catch (Throwable e) {
                failure = e;
            }
            return pending.decrementAndGet() == 0;
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        private void awaitRoundAfter(int seen) {
            if (soon(() -> round != seen)) {
                return;
            }
            parked = true;
            while (round == seen) {
                LockSupport.park(Team.this);
            }
            parked = false;
        }
    }
}
