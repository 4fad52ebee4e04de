package dev.lowrank.kernels;

/** The normalisations in double precision; names and shapes as in {@link Kernels}. */
final class NormReference {
    private NormReference() {}

    record Normed(double[] y, double[] rstd) {}

    static Normed rmsNorm(double[] x, double[] weight, double offset, double epsilon) {
        int columns = weight.length;
        int rows = x.length / columns;
        double[] y = new double[x.length];
        double[] rstd = new double[rows];
        for (int n = 0; n < rows; n++) {
            double squares = 0;
            for (int c = 0; c < columns; c++) {
                squares += x[n * columns + c] * x[n * columns + c];
            }
            rstd[n] = 1 / Math.sqrt(squares / columns + epsilon);
            for (int c = 0; c < columns; c++) {
                y[n * columns + c] = x[n * columns + c] * rstd[n] * (offset + weight[c]);
            }
        }
        return new Normed(y, rstd);
    }

    record NormGradient(double[] dx, double[] dWeight) {}

    static NormGradient rmsNormBackward(double[] dy, double[] x, double[] weight, double offset, double[] rstd) {
        int columns = weight.length;
        double[] dx = new double[x.length];
        double[] dWeight = new double[columns];
        for (int n = 0; n < rstd.length; n++) {
            double mean = 0;
            for (int c = 0; c < columns; c++) {
                int i = n * columns + c;
                mean += dy[i] * (offset + weight[c]) * x[i] / columns;
                dWeight[c] += dy[i] * x[i] * rstd[n];
            }
            for (int c = 0; c < columns; c++) {
                int i = n * columns + c;
                dx[i] = rstd[n] * (dy[i] * (offset + weight[c]) - x[i] * rstd[n] * rstd[n] * mean);
            }
        }
        return new NormGradient(dx, dWeight);
    }
}
