package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.check.DeviceCheck;
import dev.lowrank.kernels.check.Outcome;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.List;

/** A process that uses a GPU by JCuda, with whatever driver it finds. What went wrong it prints as one line. */
final class DriverProbe {
    private DriverProbe() {}

    public static void main(String[] words) {
        try (CudaKernels kernels = CudaKernels.open(Integer.parseInt(words[1]))) {
            System.out.println(kernels.device());
            switch (words[0]) {
                case "check" -> check(kernels);
                case "fail" -> fail(kernels);
                case "fill" -> fill(kernels);
                default -> throw new IllegalArgumentException(words[0]);
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
        }
    }

    private static void check(Kernels kernels) {
        try (Kernels reference = CpuKernels.open(2)) {
            List<Outcome> outcomes = new DeviceCheck(reference, kernels).run(21, 1, outcome -> {
                if (!outcome.passed()) {
                    System.out.println(outcome);
                }
            });
            long passed = outcomes.stream().filter(Outcome::passed).count();
            System.out.println("%d of %d agree".formatted(passed, outcomes.size()));
        }
        transfers(kernels);
    }

    /** More than the buffer between host and GPU holds, and back. */
    private static void transfers(Kernels kernels) {
        try (Workspace memory = kernels.workspace()) {
            float[] values = new float[5_000_001];
            for (int i = 0; i < values.length; i++) {
                values[i] = i;
            }
            Tensor tensor = memory.take(values.length);
            kernels.upload(values, 0, tensor);
            float[] back = new float[values.length];
            kernels.download(tensor, back, 0);
            System.out.println(Arrays.equals(values, back) ? "transfers agree" : "transfers differ");
        }
    }

    /** Launches until one fails, then again. */
    private static void fail(Kernels kernels) {
        try (Workspace memory = kernels.workspace()) {
            Tensor x = memory.take(100);
            kernels.zero(x);
            for (int i = 0; i < 2; i++) {
                try {
                    for (int launch = 0; launch < 100; launch++) {
                        kernels.scale(x, 2);
                    }
                } catch (RuntimeException e) {
                    System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
                }
            }
        }
        System.out.println("closed");
    }

    /** Takes more than there is, and then what there is. */
    private static void fill(Kernels kernels) {
        try (Workspace memory = kernels.workspace()) {
            try {
                memory.reserve(1L << 32);
            } catch (OutOfMemoryError e) {
                System.out.println(e.getMessage());
            }
            memory.reserve(1 << 20);
            Tensor x = memory.take(1000);
            kernels.zero(x);
            System.out.println("goes on with %.0f".formatted(kernels.sumOfSquares(x)));
        }
    }
}
