package dev.lowrank.kernels.check;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Every operation on a device against the same on another, on random numbers and odd shapes. */
public final class DeviceCheck {
    private final Kernels reference;
    private final Kernels device;

    /**
     * @param reference what is trusted: the processor
     * @param device what is checked
     */
    public DeviceCheck(Kernels reference, Kernels device) {
        this.reference = reference;
        this.device = device;
    }

    /**
     * Compares every operation, in F32 and in BF16.
     *
     * @param seed of the first comparison; each has its own
     * @param times how often, with other shapes each time
     * @param each is told every outcome as it comes
     */
    public List<Outcome> run(long seed, int times, Consumer<Outcome> each) {
        List<Outcome> outcomes = new ArrayList<>();
        for (Operation operation : Operations.ALL) {
            for (DType type : new DType[] {DType.F32, DType.BF16}) {
                for (int i = 0; i < times; i++) {
                    Outcome outcome = compare(operation, type, seed + outcomes.size());
                    outcomes.add(outcome);
                    each.accept(outcome);
                }
            }
        }
        return outcomes;
    }

    private Outcome compare(Operation operation, DType type, long seed) {
        List<float[]> expected = run(operation, reference, type, seed);
        List<float[]> found = run(operation, device, type, seed);
        double error = 0;
        for (int i = 0; i < expected.size(); i++) {
            error = Math.max(error, distance(found.get(i), expected.get(i)));
        }
        return new Outcome(operation.name(), type, seed, error, operation.most(type));
    }

    private static List<float[]> run(Operation operation, Kernels kernels, DType type, long seed) {
        try (Workspace memory = kernels.workspace()) {
            Side side = new Side(kernels, memory, type, seed);
            operation.work().run(side);
            return side.read();
        }
    }

    private static double distance(float[] found, float[] expected) {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow((double) found[i] - expected[i], 2);
            norm += (double) expected[i] * expected[i];
        }
        if (!Double.isFinite(difference) || !Double.isFinite(norm)) {
            return Double.POSITIVE_INFINITY;
        }
        return difference == 0 ? 0 : Math.sqrt(difference / Math.max(norm, Float.MIN_NORMAL));
    }
}
