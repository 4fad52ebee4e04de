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

    record Layered(double[] y, double[] mean, double[] rstd) {}

    static Layered layerNorm(double[] x, double[] weight, double[] bias, double epsilon) {
        int columns = weight.length;
        int rows = x.length / columns;
        double[] y = new double[x.length];
        double[] mean = new double[rows];
        double[] rstd = new double[rows];
        for (int n = 0; n < rows; n++) {
            for (int c = 0; c < columns; c++) {
                mean[n] += x[n * columns + c] / columns;
            }
            double variance = 0;
            for (int c = 0; c < columns; c++) {
                variance += Math.pow(x[n * columns + c] - mean[n], 2) / columns;
            }
            rstd[n] = 1 / Math.sqrt(variance + epsilon);
            for (int c = 0; c < columns; c++) {
                y[n * columns + c] = (x[n * columns + c] - mean[n]) * rstd[n] * weight[c] + bias[c];
            }
        }
        return new Layered(y, mean, rstd);
    }

    record LayerGradient(double[] dx, double[] dWeight, double[] dBias) {}

    static LayerGradient layerNormBackward(double[] dy, double[] x, double[] weight, double[] mean, double[] rstd) {
        int columns = weight.length;
        double[] dx = new double[x.length];
        double[] dWeight = new double[columns];
        double[] dBias = new double[columns];
        for (int n = 0; n < rstd.length; n++) {
            double meanM = 0;
            double meanMh = 0;
            for (int c = 0; c < columns; c++) {
                int i = n * columns + c;
                double h = (x[i] - mean[n]) * rstd[n];
                meanM += dy[i] * weight[c] / columns;
                meanMh += dy[i] * weight[c] * h / columns;
                dWeight[c] += dy[i] * h;
                dBias[c] += dy[i];
            }
            for (int c = 0; c < columns; c++) {
                int i = n * columns + c;
                dx[i] = rstd[n] * (dy[i] * weight[c] - meanM - (x[i] - mean[n]) * rstd[n] * meanMh);
            }
        }
        return new LayerGradient(dx, dWeight, dBias);
    }
}
