package dev.lowrank.engine.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Where values lie in a picture, and the lines and numbers that say so. */
final class Axis {
    private static final double MARGIN = 0.07;

    private final boolean logarithmic;
    private final double low;
    private final double high;
    private final double from;
    private final double to;

    /** Low and high are logarithms where the axis is logarithmic; from and to are pixels. */
    private Axis(boolean logarithmic, double low, double high, double from, double to) {
        double margin = Math.max((high - low) * MARGIN, 1e-3);
        this.logarithmic = logarithmic;
        this.low = low - margin;
        this.high = high + margin;
        this.from = from;
        this.to = to;
    }

    static Axis linear(double[] values, double from, double to) {
        return new Axis(
                false,
                Arrays.stream(values).min().orElse(0),
                Arrays.stream(values).max().orElse(1),
                from,
                to);
    }

    static Axis logarithmic(double[] values, double from, double to) {
        return new Axis(
                true,
                Arrays.stream(values).map(Math::log10).min().orElse(0),
                Arrays.stream(values).map(Math::log10).max().orElse(1),
                from,
                to);
    }

    double at(double value) {
        double place = logarithmic ? Math.log10(value) : value;
        return from + (place - low) / (high - low) * (to - from);
    }

    /** A horizontal axis: its values below a line at {@code bottom}, thin lines up to {@code top}. */
    String drawnBelow(double bottom, double top, String title) {
        StringBuilder svg = new StringBuilder();
        for (double tick : ticks()) {
            svg.append(Figures.format(
                    "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                    at(tick), bottom, at(tick), top));
            svg.append(Figures.format(
                    "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                    at(tick), bottom + 17, name(tick)));
        }
        svg.append(Figures.format(
                "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                (from + to) / 2, bottom + 36, title));
        return svg.toString();
    }

    /** A vertical axis: its values left of {@code left}, thin lines to {@code right}. */
    String drawnBeside(double left, double right) {
        StringBuilder svg = new StringBuilder();
        for (double tick : ticks()) {
            svg.append(Figures.format(
                    "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                    left, at(tick), right, at(tick)));
            svg.append(Figures.format(
                    "<text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
                    left - 7, at(tick) + 4, name(tick)));
        }
        return svg.toString();
    }

    private List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        if (logarithmic) {
            for (int exponent = (int) Math.ceil(low); exponent <= high; exponent++) {
                ticks.add(Math.pow(10, exponent));
            }
            return ticks;
        }
        double step = step();
        for (long i = (long) Math.ceil(low / step); i * step <= high; i++) {
            ticks.add(i * step);
        }
        return ticks;
    }

    /** 1, 2 or 5 times a power of ten, for four to nine lines. */
    private double step() {
        double rough = (high - low) / 5;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double factor = rough / power;
        return power * (factor < 1.5 ? 1 : factor < 3.5 ? 2 : factor < 7.5 ? 5 : 10);
    }

    private String name(double tick) {
        if (!logarithmic) {
            double step = step();
            return step >= 1 ? Figures.format("%.0f", tick) : Figures.format(step < 0.1 ? "%.2f" : "%.1f", tick);
        }
        if (tick >= 1e9) {
            return Figures.format("%.0f B", tick / 1e9);
        }
        if (tick >= 1e6) {
            return Figures.format("%.0f M", tick / 1e6);
        }
        return tick >= 1e3 ? Figures.format("%.0f k", tick / 1e3) : Figures.format("%.0f", tick);
    }
}
