package dev.lowrank.engine.fuzz;

import com.sun.management.ThreadMXBean;
import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/** Lets a target read an input and judges what comes of it: a refusal in one sentence or nothing, within the cost stated. */
final class Watch {
    /** How many times more heap an input may take where the classes read it instrumented, which allocates, too. */
    private static final int SLACK = Integer.getInteger("lowrank.fuzz.slack", 1);

    private static final ThreadMXBean THREAD = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Watch() {}

    /**
     * What reading an input came to.
     *
     * @param refusal null if it was read
     */
    record Outcome(@Nullable RuntimeException refusal, long allocated, long nanoseconds, long nativeBytes) {
        boolean within(FuzzTarget.Cost most, int inputBytes) {
            return allocated <= SLACK * most.allocated(inputBytes)
                    && nanoseconds <= most.seconds() * 1_000_000_000L
                    && nativeBytes <= most.nativeBytes();
        }
    }

    /**
     * Reads an input.
     *
     * @throws AssertionError saying what is wrong with how it was read
     */
    static Outcome read(FuzzTarget target, byte[] input) {
        Parts parts = Parts.of(input, target.defaultFile());
        Outcome outcome = measured(target, parts);
        if (!outcome.within(target.most(), input.length)) {
            // The first time, classes are loaded (and instrumented), which is not the input's doing.
            outcome = measured(target, parts);
        }
        RuntimeException refusal = outcome.refusal();
        if (refusal != null && !(refusal instanceof InputException)) {
            throw new AssertionError("%s: throws %s".formatted(target.name(), refusal), refusal);
        }
        if (refusal != null) {
            String problem = OneSentence.problem(refusal.getMessage(), target.quotesAuthor(refusal));
            if (problem != null) {
                throw new AssertionError(
                        "%s: the refusal %s: %s".formatted(target.name(), problem, refusal.getMessage()), refusal);
            }
        }
        if (!outcome.within(target.most(), input.length)) {
            throw new AssertionError(
                    "%s: allocates %d bytes, takes %d ms and %d bytes besides for %d bytes of input, which is beyond %s"
                            .formatted(
                                    target.name(),
                                    outcome.allocated(),
                                    outcome.nanoseconds() / 1_000_000,
                                    outcome.nativeBytes(),
                                    input.length,
                                    target.most()));
        }
        return outcome;
    }

    private static Outcome measured(FuzzTarget target, Parts parts) {
        RuntimeException refusal = null;
        ResidentMemory.resetPeak();
        long resident = ResidentMemory.now();
        long nanoseconds = THREAD.getCurrentThreadCpuTime();
        long allocated = THREAD.getCurrentThreadAllocatedBytes();
        try {
            target.read(parts);
        } catch (RuntimeException e) {
            refusal = e;
        } catch (IOException e) {
            throw new AssertionError(target.name() + ": throws " + e, e);
        }
        allocated = THREAD.getCurrentThreadAllocatedBytes() - allocated;
        nanoseconds = THREAD.getCurrentThreadCpuTime() - nanoseconds;
        return new Outcome(refusal, allocated, nanoseconds, ResidentMemory.peak() - resident);
    }
}
