package dev.lowrank.engine.analyze;

import dev.lowrank.engine.analyze.Svg.Anchor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * An analysis as a picture: maps of the modules by layer (effective rank, amplification), the fall of the singular values,
 * and what two adapters have in common.
 */
public final class AnalysisPicture {
    private static final int WIDTH = 1000;
    private static final int MARGIN = 40;
    private static final int NAMES = 150;
    private static final int CELL_HEIGHT = 26;
    private static final int WIDEST_CELL = 64;
    private static final int CHART = 330;
    private static final int WIDEST_PHI = 42;
    private static final double PALE = 0.62;

    /** Colours that differ in lightness too, for those who do not see all hues. */
    private static final List<String> LINES =
            List.of("#0b4f8a", "#d1570b", "#2a9d62", "#b0306a", "#7b5ea7", "#8a6d1d", "#3fa7c9", "#5c6670");

    private final AdapterAnalysis analysis;
    private final Svg svg = new Svg(WIDTH);
    private double y = MARGIN;

    private AnalysisPicture(AdapterAnalysis analysis) {
        this.analysis = analysis;
    }

    /** The text of an SVG file. */
    public static String of(AdapterAnalysis analysis) {
        return new AnalysisPicture(analysis).draw();
    }

    private String draw() {
        header();
        if (!analysis.layers().isEmpty()) {
            map(
                    "Effective rank",
                    "how many directions the update really uses; the darker, the larger the share of its rank r",
                    LayerAnalysis::effectiveRank,
                    AnalysisPicture::shareOfRank,
                    "all of r");
            if (analysis.layers().stream().anyMatch(layer -> layer.base() != null)) {
                amplification();
            }
            charts();
        }
        return svg.finish(y + 10, "Analysis of adapter " + analysis.adapter());
    }

    private void header() {
        svg.heading(MARGIN, y, 20, clipped(analysis.adapter() + " – " + analysis.kind(), 70));
        y += 24;
        Cost cost = analysis.cost();
        Cost.Full full = cost.full();
        String against = full == null
                ? ""
                : String.format(
                        Locale.ROOT,
                        ": %.3g %% of the base's %s, %s instead of %s on disk",
                        100.0 * cost.trained() / full.trained(),
                        AnalysisTable.grouped(full.trained()),
                        AnalysisTable.bytes(cost.stored()),
                        AnalysisTable.bytes(full.stored()));
        faint(MARGIN, y, AnalysisTable.grouped(cost.trained()) + " parameters trained" + against);
        y += 20;
        for (String note : analysis.notes()) {
            faint(MARGIN, y, note);
            y += 20;
        }
        y += 20;
    }

    private void faint(double x, double at, String text) {
        svg.text(x, at, 13, Svg.FAINT, Anchor.START, text);
    }

    private static double shareOfRank(LayerAnalysis layer) {
        return layer.effectiveRank() / layer.rank();
    }

    private void amplification() {
        double most = analysis.layers().stream()
                .map(AnalysisPicture::factor)
                .mapToDouble(factor -> factor == null ? 1 : factor)
                .max()
                .orElse(1);
        double top = Math.log1p(Math.max(most, 1e-9));
        map(
                "Amplification",
                "norm of the update over what the base weight does in the update's directions; darker is more",
                AnalysisPicture::factor,
                layer -> {
                    Double factor = factor(layer);
                    return factor == null ? null : Math.log1p(factor) / top;
                },
                AnalysisTable.number(most));
    }

    private static @Nullable Double factor(LayerAnalysis layer) {
        Amplification base = layer.base();
        return base == null ? null : base.factor();
    }

    /** Modules down, layers across; a cell that has no value is left white. */
    private void map(
            String title,
            String meaning,
            Function<LayerAnalysis, @Nullable Double> shown,
            Function<LayerAnalysis, @Nullable Double> darkness,
            String darkest) {
        svg.heading(MARGIN, y, 15, title);
        faint(MARGIN + 10 + 9 * title.length(), y, meaning);
        y += 14;
        Map<String, Map<Integer, LayerAnalysis>> rows = new TreeMap<>();
        Set<Integer> layers = new TreeSet<>();
        for (LayerAnalysis layer : analysis.layers()) {
            ModulePath path = ModulePath.of(layer.module());
            rows.computeIfAbsent(path.name(), n -> new TreeMap<>()).put(path.layer(), layer);
            layers.add(path.layer());
        }
        List<Integer> columns = List.copyOf(layers);
        double cell = Math.min(WIDEST_CELL, (double) (WIDTH - 2 * MARGIN - NAMES) / columns.size());
        double left = MARGIN + NAMES;
        for (Map.Entry<String, Map<Integer, LayerAnalysis>> row : rows.entrySet()) {
            svg.text(left - 10, y + CELL_HEIGHT * 0.66, 13, Svg.INK, Anchor.END, clipped(row.getKey(), 20));
            for (int c = 0; c < columns.size(); c++) {
                LayerAnalysis layer = row.getValue().get(columns.get(c));
                if (layer != null) {
                    cell(left + c * cell, cell, shown.apply(layer), darkness.apply(layer));
                }
            }
            y += CELL_HEIGHT;
        }
        int every = Math.max(1, (int) Math.ceil(26 / cell));
        for (int c = 0; c < columns.size(); c += every) {
            String name = columns.get(c) < 0 ? "–" : String.valueOf(columns.get(c));
            svg.text(left + (c + 0.5) * cell, y + 15, 12, Svg.FAINT, Anchor.MIDDLE, name);
        }
        svg.text(left - 10, y + 15, 12, Svg.FAINT, Anchor.END, "layer");
        scale(left, y + 24, darkest);
        y += 78;
    }

    private void cell(double x, double width, @Nullable Double shown, @Nullable Double darkness) {
        if (shown == null || darkness == null) {
            return;
        }
        svg.rectangle(x + 0.5, y + 0.5, Math.max(width - 1, 1), CELL_HEIGHT - 1, colour(darkness));
        if (width >= 36) {
            String ink = darkness > PALE ? "#ffffff" : Svg.INK;
            svg.text(x + width / 2, y + CELL_HEIGHT * 0.66, 12, ink, Anchor.MIDDLE, AnalysisTable.number(shown));
        }
    }

    /** From nearly white at 0 to dark blue at 1. */
    private static String colour(double darkness) {
        double d = Math.clamp(darkness, 0, 1);
        int[] light = {0xec, 0xf2, 0xf8};
        int[] dark = {0x0b, 0x4f, 0x8a};
        int[] mixed = IntStream.range(0, 3)
                .map(i -> (int) Math.round(light[i] + d * (dark[i] - light[i])))
                .toArray();
        return "#%02x%02x%02x".formatted(mixed[0], mixed[1], mixed[2]);
    }

    private void charts() {
        double top = y;
        double spectra = spectra(MARGIN);
        y = top;
        double common = analysis.against() == null ? 0 : similarity((double) WIDTH / 2 + 20);
        y = top + Math.max(spectra, common) + 10;
    }

    /** Mean over the layers of each singular value over the first; returns the height used. */
    private double spectra(double x) {
        svg.heading(x, y, 15, "Singular values");
        faint(x, y + 19, "each as a share of the first, mean over the layers");
        Map<String, List<LayerAnalysis>> groups = new LinkedHashMap<>();
        for (LayerAnalysis layer : analysis.layers()) {
            if (!layer.singularValues().isEmpty()) {
                groups.computeIfAbsent(ModulePath.of(layer.module()).name(), n -> new ArrayList<>())
                        .add(layer);
            }
        }
        int most =
                analysis.layers().stream().mapToInt(LayerAnalysis::rank).max().orElse(1);
        double left = x + 34;
        double upper = y + 36;
        axes(left, upper, most);
        int line = 0;
        for (List<LayerAnalysis> group : groups.values()) {
            List<double[]> points = new ArrayList<>();
            double[] means = means(group);
            for (int i = 0; i < means.length; i++) {
                points.add(new double[] {place(left, i, most), upper + CHART * (1 - means[i])});
            }
            String colour = LINES.get(line++ % LINES.size());
            svg.path(points, colour);
            if (most <= 16) {
                points.forEach(p -> svg.dot(p[0], p[1], colour));
            }
        }
        return 36 + CHART + 52 + legend(left, upper + CHART + 52, List.copyOf(groups.keySet()));
    }

    private static double place(double left, int index, int most) {
        return left + 8 + (most == 1 ? 0 : (CHART + 60.0 - 16) * index / (most - 1));
    }

    private void axes(double left, double upper, int most) {
        for (int tick = 0; tick <= 4; tick++) {
            double at = upper + CHART * (1 - tick / 4.0);
            svg.line(left, at, left + CHART + 60, at, "#d9dfe6", 1);
            svg.text(left - 6, at + 4, 12, Svg.FAINT, Anchor.END, String.format(Locale.ROOT, "%.2f", tick / 4.0));
        }
        int every = Math.max(1, (int) Math.ceil(most / 12.0));
        for (int i = 0; i < most; i += every) {
            svg.text(place(left, i, most), upper + CHART + 17, 12, Svg.FAINT, Anchor.MIDDLE, String.valueOf(i + 1));
        }
        svg.text(left + CHART / 2.0 + 30, upper + CHART + 34, 12, Svg.FAINT, Anchor.MIDDLE, "singular value");
    }

    /** A missing value counts as 0, which it is. */
    private static double[] means(List<LayerAnalysis> group) {
        int longest = group.stream().mapToInt(LayerAnalysis::rank).max().orElse(0);
        double[] means = new double[longest];
        for (LayerAnalysis layer : group) {
            List<Double> values = layer.singularValues();
            for (int i = 0; i < values.size(); i++) {
                means[i] += values.get(i) / values.getFirst() / group.size();
            }
        }
        return means;
    }

    private double legend(double x, double at, List<String> names) {
        for (int i = 0; i < names.size(); i++) {
            double column = x + (i % 2) * 200;
            double row = at + (i / 2) * 20.0;
            svg.rectangle(column, row - 5, 18, 4, LINES.get(i % LINES.size()));
            svg.text(column + 24, row, 12, Svg.INK, Anchor.START, clipped(names.get(i), 24));
        }
        return (names.size() + 1) / 2 * 20.0;
    }

    /** Mean of phi over the modules both adapters change; returns the height used. */
    private double similarity(double x) {
        List<List<List<Double>>> all = analysis.layers().stream()
                .map(LayerAnalysis::similarity)
                .filter(phi -> phi != null)
                .toList();
        int rows = all.stream().mapToInt(List::size).max().orElse(0);
        int columns = all.stream().mapToInt(phi -> phi.getFirst().size()).max().orElse(0);
        if (rows == 0 || columns == 0) {
            return 0;
        }
        svg.heading(x, y, 15, "Directions in common with " + clipped(String.valueOf(analysis.against()), 28));
        faint(x, y + 19, "phi of the first i and j input directions, mean over %d modules".formatted(all.size()));
        double left = x + 34;
        double upper = y + 36;
        double high = Math.min(WIDEST_PHI, (double) CHART / rows);
        double wide = Math.min(WIDEST_PHI, (double) CHART / columns);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                Double mean = mean(all, i, j);
                if (mean != null) {
                    phi(left + j * wide, upper + i * high, wide, high, mean);
                }
            }
        }
        double bottom = upper + rows * high;
        int every = Math.max(1, (int) Math.ceil(20 / wide));
        for (int j = 0; j < columns; j += every) {
            svg.text(left + (j + 0.5) * wide, bottom + 17, 12, Svg.FAINT, Anchor.MIDDLE, String.valueOf(j + 1));
        }
        int everyRow = Math.max(1, (int) Math.ceil(20 / high));
        for (int i = 0; i < rows; i += everyRow) {
            svg.text(left - 6, upper + (i + 0.5) * high + 4, 12, Svg.FAINT, Anchor.END, String.valueOf(i + 1));
        }
        svg.text(left, bottom + 34, 12, Svg.FAINT, Anchor.START, "down: i of this adapter, across: j of the other");
        scale(left, bottom + 46, "1");
        return bottom + 80 - y;
    }

    private void phi(double x, double at, double wide, double high, double mean) {
        double gap = Math.min(wide, high) > 8 ? 1 : -0.3; // Small cells overlap: no seams between them.
        svg.rectangle(x, at, wide - gap, high - gap, colour(mean));
        if (wide >= 30 && high >= 15) {
            String ink = mean > PALE ? "#ffffff" : Svg.INK;
            String shown = String.format(Locale.ROOT, "%.2f", mean);
            svg.text(x + wide / 2, at + high / 2 + 4, 11, ink, Anchor.MIDDLE, shown);
        }
    }

    private void scale(double x, double at, String darkest) {
        svg.text(x, at + 11, 12, Svg.FAINT, Anchor.START, "0");
        for (int i = 0; i < 20; i++) {
            svg.rectangle(x + 14 + i * 8, at, 8, 12, colour(i / 19.0));
        }
        svg.text(x + 182, at + 11, 12, Svg.FAINT, Anchor.START, darkest);
    }

    private static @Nullable Double mean(List<List<List<Double>>> all, int i, int j) {
        double[] values = all.stream()
                .filter(phi -> i < phi.size() && j < phi.getFirst().size())
                .mapToDouble(phi -> phi.get(i).get(j))
                .toArray();
        return values.length == 0 ? null : Arrays.stream(values).sum() / values.length;
    }

    /** The end of a long name says more than its start. */
    private static String clipped(String text, int most) {
        return text.length() <= most ? text : "…" + text.substring(text.length() - most + 1);
    }
}
