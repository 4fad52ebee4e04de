package dev.lowrank.engine.bench;

import dev.lowrank.engine.train.StepMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A measurement for people. */
public final class BenchText {
    private BenchText() {}

    static String step(String kind, StepMetrics metrics) {
        return format(
                "  %-8s%3d   loss %8.4f   gradient norm %9.5f   %,9.1f tokens/s",
                kind, metrics.step(), metrics.loss(), metrics.gradNorm(), metrics.tokensPerSecond());
    }

    /** The figures, and the profile if there is one. */
    public static List<String> lines(BenchResult r) {
        BenchOptions o = r.options();
        List<String> lines = new ArrayList<>();
        lines.add(format(
                "%s, %s, %s, %d x %d tokens a step: %,d of %,d values trained.",
                o.shape(),
                o.method().key(),
                r.compute().key(),
                o.batch(),
                o.length(),
                r.trainableParameters(),
                r.parameters()));
        lines.add(format(
                "  tokens per second   %,.1f (median of %d steps of %.3f s; %,.1f to %,.1f)",
                r.tokensPerSecond(), r.seconds().size(), r.medianSeconds(), r.slowest(), r.fastest()));
        lines.add("  peak memory         " + memory(r));
        lines.add(format(
                "  share of peak       %.1f %%: %,.0f GFLOP/s of products a step needs, of the %,.0f that a large %s product reaches here",
                100 * r.shareOfPeak(),
                r.flops() / 1e9,
                r.peakFlops() / 1e9,
                r.compute().key()));
        if (!r.profile().isEmpty()) {
            lines.add("");
            lines.addAll(table(r.profile()));
        }
        return lines;
    }

    private static String memory(BenchResult r) {
        return r.peakMemory() == 0
                ? "not known on this system"
                : format(
                        "%,.0f MB (planned %,.0f), %,.0f MB of it before there was a model",
                        r.peakMemory() / 1e6, r.plannedMemory() / 1e6, r.baseMemory() / 1e6);
    }

    private static List<String> table(List<Profile.Line> profile) {
        List<String> table = new ArrayList<>();
        table.add(format("  %-9s %-28s %8s %11s %8s %9s", "", "operation", "calls", "ms a step", "share", "GFLOP/s"));
        double milliseconds = 0;
        for (Profile.Line line : profile) {
            milliseconds += line.milliseconds();
            table.add(row(line));
        }
        table.add(format("  %-9s %-28s %8s %,11.2f %6.1f %%", "", "step", "", milliseconds, 100.0));
        return table;
    }

    private static String row(Profile.Line line) {
        return format(
                        "  %-9s %-28s %8s %,11.2f %6.1f %% %9s",
                        line.phase(),
                        line.operation(),
                        line.calls() == 0 ? "" : format("%,.0f", line.calls()),
                        line.milliseconds(),
                        100 * line.share(),
                        line.flops() == 0 ? "" : format("%,.0f", line.flops() / 1e9))
                .stripTrailing();
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
