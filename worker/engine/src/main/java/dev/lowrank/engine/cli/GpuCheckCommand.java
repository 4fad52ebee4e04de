package dev.lowrank.engine.cli;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Devices;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.check.DeviceCheck;
import dev.lowrank.kernels.check.DeviceTimes;
import dev.lowrank.kernels.check.Outcome;
import dev.lowrank.kernels.check.Timing;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** {@code gpu-check}: whether a GPU computes what the processor does, and how fast. */
@Command(
        name = "gpu-check",
        mixinStandardHelpOptions = true,
        description = {
            "Runs every operation on a GPU and on the processor, on random numbers and odd shapes, and compares; then times",
            "the operations of a large model's layer, each as a share of what the GPU reaches in copying or in a product."
        })
final class GpuCheckCommand implements Callable<Integer> {
    private static final String CPU = "cpu";

    @Option(names = "--device", paramLabel = "D", description = "cuda (default), cuda:1 for the second GPU, and so on.")
    private String device = "cuda";

    @Option(names = "--seed", paramLabel = "N", description = "Of numbers and shapes (default: another each time).")
    private long seed = System.nanoTime() & 0xFFFFFFFFL;

    @Option(
            names = "--times",
            paramLabel = "N",
            description = "Comparisons of an operation, each with its own shape (5).")
    private int times = 5;

    @Option(names = "--no-timing", description = "Only compare.")
    private boolean noTiming;

    @Option(names = "--output", paramLabel = "FILE", description = "Write all of it as JSON, too.")
    private @Nullable Path output;

    private final PrintStream out = System.out;

    @Override
    public Integer call() throws IOException {
        ObjectNode report = JsonNodeFactory.instance.objectNode();
        try (Kernels kernels = Devices.open(device, Runtime.getRuntime().availableProcessors());
                Kernels reference = Devices.open(CPU, Runtime.getRuntime().availableProcessors())) {
            out.println("%s against %s, seed %d".formatted(kernels.device(), reference.device(), seed));
            report.put("device", kernels.device())
                    .put("reference", reference.device())
                    .put("seed", seed);
            List<Outcome> outcomes = compare(reference, kernels);
            report.set("outcomes", JsonMapper.shared().valueToTree(outcomes));
            if (!noTiming) {
                report.set("timings", JsonMapper.shared().valueToTree(time(kernels)));
            }
            long failed = outcomes.stream().filter(outcome -> !outcome.passed()).count();
            report.put("comparisons", outcomes.size()).put("failed", failed);
            if (output != null) {
                Files.writeString(output, JsonMapper.shared().writeValueAsString(report));
            }
            out.println(
                    failed == 0
                            ? "All %d comparisons agree.".formatted(outcomes.size())
                            : "%d of %d comparisons do not agree.".formatted(failed, outcomes.size()));
            return failed == 0 ? 0 : 1;
        }
    }

    /** A line for each operation and type, with its worst comparison. */
    private List<Outcome> compare(Kernels reference, Kernels kernels) {
        List<Outcome> outcomes = new ArrayList<>();
        Map<String, Outcome> worst = new LinkedHashMap<>();
        new DeviceCheck(reference, kernels).run(seed, times, outcome -> {
            outcomes.add(outcome);
            worst.merge(outcome.operation() + outcome.activations(), outcome, GpuCheckCommand::worse);
        });
        out.println("%-44s %-5s %12s %12s".formatted("operation", "type", "error", "at most"));
        for (Outcome outcome : worst.values()) {
            DType type = outcome.activations();
            out.println(String.format(
                    Locale.ROOT,
                    "%-44s %-5s %12.3g %12.3g%s",
                    outcome.operation(),
                    type,
                    outcome.error(),
                    outcome.most(),
                    outcome.passed() ? "" : "  does not agree, seed " + outcome.seed()));
        }
        return outcomes;
    }

    private static Outcome worse(Outcome one, Outcome other) {
        return other.error() > one.error() ? other : one;
    }

    private List<Timing> time(Kernels kernels) {
        out.println("%-24s %12s %14s %8s".formatted("operation", "time", "rate", "share"));
        return new DeviceTimes(kernels, DeviceTimes.Size.LARGE, timing -> out.println(line(timing))).run();
    }

    private static String line(Timing t) {
        boolean memory = t.bytes() > 0;
        double rate = (memory ? t.bytes() : t.flops()) / t.seconds();
        return String.format(
                Locale.ROOT,
                "%-24s %9.3f ms %8.1f %s %7.0f %%",
                t.operation(),
                t.seconds() * 1e3,
                memory ? rate / 1e9 : rate / 1e12,
                memory ? "GB/s  " : "TFLOP/s",
                100 * t.share());
    }
}
