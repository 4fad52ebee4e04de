package dev.lowrank.kernels.codes;

import java.util.Arrays;

/**
 * The mean of fp32 numbers in fp32, with PyTorch's order of additions on one thread of an x86 CPU, so that the last bit
 * is the same. PyTorch takes vectors of 8 (with AVX-512 too), four at a time, sums runs of 16 or more of such rows, sums
 * those sums in runs again up to four levels, then joins the four columns, the numbers beyond the last vector, and the
 * eight lanes.
 */
final class CascadeMean {
    private static final int LANES = 8;
    private static final int COLUMNS = 4;
    private static final int LEVELS = 4;

    private CascadeMean() {}

    static float of(float[] x) {
        return sum(x) / x.length;
    }

    private static float sum(float[] x) {
        int lanes = x.length < LANES ? 1 : LANES;
        int vectors = x.length / lanes;
        float[] joined = sumVectors(x, lanes, vectors);
        float total = 0;
        for (int i = vectors * lanes; i < x.length; i++) {
            total += x[i];
        }
        for (float lane : joined) {
            total += lane;
        }
        return total;
    }

    private static float[] sumVectors(float[] x, int lanes, int vectors) {
        int rows = vectors / COLUMNS;
        float[] columns = sumRows(x, COLUMNS * lanes, rows);
        float[] joined = new float[lanes];
        System.arraycopy(columns, 0, joined, 0, lanes);
        for (int vector = rows * COLUMNS; vector < vectors; vector++) {
            addInto(joined, x, vector * lanes);
        }
        for (int column = 1; column < COLUMNS; column++) {
            addInto(joined, columns, column * lanes);
        }
        return joined;
    }

    /** The sums down the columns of the first {@code rows} rows of {@code x}. */
    private static float[] sumRows(float[] x, int width, int rows) {
        int power = Math.max(4, ceilLog2(rows) / LEVELS);
        int run = 1 << power;
        int mask = run - 1;
        float[][] level = new float[LEVELS][width];
        int row = 0;
        while (row + run <= rows) {
            for (int end = row + run; row < end; row++) {
                addInto(level[0], x, row * width);
            }
            for (int j = 1; j < LEVELS; j++) {
                addInto(level[j], level[j - 1], 0);
                Arrays.fill(level[j - 1], 0);
                if ((row & (mask << (j * power))) != 0) {
                    break;
                }
            }
        }
        for (; row < rows; row++) {
            addInto(level[0], x, row * width);
        }
        for (int j = 1; j < LEVELS; j++) {
            addInto(level[0], level[j], 0);
        }
        return level[0];
    }

    private static void addInto(float[] sums, float[] x, int at) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += x[at + i];
        }
    }

    private static int ceilLog2(int n) {
        return n <= 1 ? 0 : Integer.SIZE - Integer.numberOfLeadingZeros(n - 1);
    }
}
