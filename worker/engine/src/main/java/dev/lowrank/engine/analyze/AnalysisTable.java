package dev.lowrank.engine.analyze;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An analysis for people: a table of the modules, what was trained and stored, and what the columns mean. */
public final class AnalysisTable {
    private final StringBuilder text = new StringBuilder();
    private final AdapterAnalysis analysis;
    private final boolean withBase;
    private final boolean withOther;

    private AnalysisTable(AdapterAnalysis analysis) {
        this.analysis = analysis;
        this.withBase = analysis.layers().stream().anyMatch(layer -> layer.base() != null);
        this.withOther = analysis.layers().stream().anyMatch(layer -> layer.similarity() != null);
    }

    /** Lines, each ended. */
    public static String of(AdapterAnalysis analysis) {
        return new AnalysisTable(analysis).render();
    }

    private String render() {
        line("%s (%s)".formatted(analysis.adapter(), analysis.kind()));
        line("");
        cost(analysis.cost());
        analysis.notes().forEach(this::line);
        if (!analysis.layers().isEmpty()) {
            line("");
            modules();
            line("");
            legend();
        }
        return text.toString();
    }

    private void line(String line) {
        text.append(line.stripTrailing()).append('\n');
    }

    private void cost(Cost cost) {
        Cost.Full full = cost.full();
        if (full == null) {
            line("%-24s %s".formatted("trained parameters", grouped(cost.trained())));
            line("%-24s %s".formatted("checkpoint", bytes(cost.stored())));
            line("%-24s %s".formatted("training state in fp32", bytes(cost.trainingState())));
            return;
        }
        line("%-24s %16s %16s %12s".formatted("", "adapter", "all of the base", "one part in"));
        cost("trained parameters", grouped(cost.trained()), grouped(full.trained()), full.trained(), cost.trained());
        cost("checkpoint", bytes(cost.stored()), bytes(full.stored()), full.stored(), cost.stored());
        cost(
                "training state in fp32",
                bytes(cost.trainingState()),
                bytes(full.trainingState()),
                full.trainingState(),
                cost.trainingState());
    }

    private void cost(String name, String adapter, String full, long whole, long part) {
        line(String.format(Locale.ROOT, "%-24s %16s %16s %,12.1f", name, adapter, full, (double) whole / part));
    }

    private void modules() {
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("module", "r", "eff. rank", ">1%", "90%", "|dW|"));
        if (withBase) {
            head.addAll(List.of("|W|", "W in dW", "W in own", "W random", "amplified"));
        }
        if (withOther) {
            head.addAll(List.of("phi(1,1)", "phi(all)"));
        }
        rows.add(head);
        analysis.layers().forEach(layer -> rows.add(row(layer)));
        int[] widths = new int[head.size()];
        rows.forEach(row -> {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        });
        rows.forEach(row -> line(aligned(row, widths)));
    }

    private static String aligned(List<String> row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String gap = " ".repeat(widths[i] - row.get(i).length());
            line.append(i == 0 ? row.get(i) + gap : "  " + gap + row.get(i));
        }
        return line.toString();
    }

    private List<String> row(LayerAnalysis layer) {
        List<String> row = new ArrayList<>(List.of(
                layer.module(),
                String.valueOf(layer.rank()),
                number(layer.effectiveRank()),
                String.valueOf(layer.aboveOnePercent()),
                String.valueOf(layer.covering90()),
                number(layer.norm())));
        Amplification base = layer.base();
        if (withBase) {
            row.addAll(
                    base == null
                            ? List.of("-", "-", "-", "-", "-")
                            : List.of(
                                    number(base.weight()),
                                    number(base.inUpdate()),
                                    number(base.inOwn()),
                                    number(base.inRandom()),
                                    base.factor() == null ? "-" : number(base.factor())));
        }
        List<List<Double>> phi = layer.similarity();
        if (withOther) {
            row.addAll(
                    phi == null
                            ? List.of("-", "-")
                            : List.of(
                                    share(phi.getFirst().getFirst()),
                                    share(phi.getLast().getLast())));
        }
        return row;
    }

    private void legend() {
        line("eff. rank  exp of the entropy of the singular values; at most r");
        line(">1%, 90%   singular values above 1 % of the largest; those that hold 90 % of the energy");
        line("|dW|       Frobenius norm of the update, scale included");
        if (withBase) {
            line("W in ...   norm of the base weight between r directions: the update's, its own first, random ones");
            line("amplified  |dW| over W in dW: how much the update strengthens what the base hardly does there");
        }
        if (withOther) {
            line("phi        share of directions in common with %s: the first one, and all; 1 is the same, 0 none"
                    .formatted(analysis.against()));
        }
    }

    static String number(double value) {
        double size = Math.abs(value);
        String format =
                size == 0 ? "%.0f" : size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : size >= 0.01 ? "%.2f" : "%.1e";
        return String.format(Locale.ROOT, format, value);
    }

    private static String share(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }

    static String grouped(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    static String bytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = 0;
        while (value >= 1000 && unit < 4) {
            value /= 1000;
            unit++;
        }
        return String.format(
                Locale.ROOT,
                "%.1f %s",
                value,
                List.of("B", "kB", "MB", "GB", "TB").get(unit));
    }
}
