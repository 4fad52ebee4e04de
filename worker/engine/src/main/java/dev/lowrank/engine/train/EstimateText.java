package dev.lowrank.engine.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An estimate for people. */
public final class EstimateText {
    private EstimateText() {}

    public static List<String> lines(Estimate estimate) {
        MemoryPlan plan = estimate.plan();
        List<String> lines = new ArrayList<>();
        plan.items().forEach(item -> lines.add(row(item.name(), item.bytes())));
        lines.add(row("at the peak", plan.bytes()));
        lines.add("");
        lines.add(plan.base().toString());
        lines.add(verdict(plan));
        estimate.remedies()
                .forEach(remedy -> lines.add(String.format(
                        Locale.ROOT,
                        "  %-44s %9s%s",
                        remedy.settings(),
                        MemoryPlan.readable(remedy.bytes()),
                        remedy.fits() ? ", which fits" : "")));
        return lines;
    }

    private static String verdict(MemoryPlan plan) {
        if (!plan.room().known()) {
            return "How much is free here is not known.";
        }
        String free = MemoryPlan.readable(plan.room().available());
        if (!plan.fits()) {
            return "It does not fit: %s are free here. It would take".formatted(free);
        }
        return "It fits: %s are free here%s."
                .formatted(
                        free,
                        plan.checkpointing()
                                ? ""
                                : "; with gradient checkpointing it would take "
                                        + MemoryPlan.readable(plan.bytes() - plan.kept() + plan.checkpointed()));
    }

    private static String row(String name, long bytes) {
        return String.format(Locale.ROOT, "%-34s %,9.1f MB", name, bytes / 1e6);
    }
}
