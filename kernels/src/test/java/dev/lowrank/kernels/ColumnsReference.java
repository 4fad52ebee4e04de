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

    static double[] scaleColumns(double[] x, double[] factor) {
        double[] y = x.clone();
        for (int i = 0; i < y.length; i++) {
            y[i] *= factor[i % factor.length];
        }
        return y;
    }

    record ScaledGradient(double[] dX, double[] dFactor) {}

    static ScaledGradient scaleColumnsBackward(double[] dy, double[] x, double[] factor) {
        double[] dFactor = new double[factor.length];
        for (int i = 0; i < x.length; i++) {
            dFactor[i % factor.length] += dy[i] * x[i];
        }
        return new ScaledGradient(scaleColumns(dy, factor), dFactor);
    }

    static double[] rowNorms(double[] x, int rows) {
        double[] norms = new double[rows];
        for (int i = 0; i < x.length; i++) {
            norms[i / (x.length / rows)] += x[i] * x[i];
        }
        for (int r = 0; r < rows; r++) {
            norms[r] = Math.sqrt(norms[r]);
        }
        return norms;
    }
}
