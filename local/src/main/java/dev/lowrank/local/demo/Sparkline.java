package dev.lowrank.local.demo;

import java.util.List;

/** A series of numbers as a line of small blocks. */
final class Sparkline {
    private static final String BLOCKS = "▁▂▃▄▅▆▇█";

    private Sparkline() {}

    /** At most {@code width} blocks; each shows the mean of an equal share of the values. Empty for no values. */
    static String of(List<Double> values, int width) {
        int columns = Math.min(width, values.size());
        double[] means = new double[columns];
        for (int column = 0; column < columns; column++) {
            means[column] =
                    mean(values.subList(column * values.size() / columns, (column + 1) * values.size() / columns));
        }
        return draw(means);
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElse(0);
    }

    private static String draw(double[] values) {
        double low = java.util.Arrays.stream(values).min().orElse(0);
        double high = java.util.Arrays.stream(values).max().orElse(0);
        StringBuilder line = new StringBuilder();
        for (double value : values) {
            double height = high > low ? (value - low) / (high - low) : 0;
            line.append(BLOCKS.charAt((int) Math.round(height * (BLOCKS.length() - 1))));
        }
        return line.toString();
    }
}
