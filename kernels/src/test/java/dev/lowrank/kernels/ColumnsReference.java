package dev.lowrank.kernels;

/** The operations on columns in double precision; names and shapes as in {@link Kernels}. */
final class ColumnsReference {
    private ColumnsReference() {}

    static double[] addBias(double[] x, double[] bias) {
        double[] y = x.clone();
        for (int i = 0; i < y.length; i++) {
            y[i] += bias[i % bias.length];
        }
        return y;
    }

    static double[] columnSums(double[] dy, int columns) {
        double[] sums = new double[columns];
        for (int i = 0; i < dy.length; i++) {
            sums[i % columns] += dy[i];
        }
        return sums;
    }
}
