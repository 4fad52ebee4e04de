package dev.lowrank.engine.analyze;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.NormOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * A weight W of the base, [out, in].
 *
 * @param values row-major, not copied; of W transposed if {@code transposed}
 * @param transposed whether the file holds it as [in, out], as GPT-2's do
 */
@SuppressWarnings("ArrayRecordComponent") // A view on a large buffer; nobody compares two of them.
record BaseWeight(float[] values, int out, int in, boolean transposed) {
    private static final int EXTRA = 8;
    private static final int MOST_ROUNDS = 16;
    private static final double STILL = 3e-4;
    private static final int BLOCK = 256;

    BaseWeight {
        if (values.length != (long) out * in) {
            throw new IllegalArgumentException("[%d, %d] of %d values".formatted(out, in, values.length));
        }
    }

    /** {@code ||W||_F} */
    double norm() {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }

    /**
     * {@code ||U' W V||_F}: what W does from the directions V to the directions U.
     *
     * @param u [out, n], orthonormal columns
     * @param v [in, n], orthonormal columns
     */
    double normBetween(DMatrixRMaj u, DMatrixRMaj v) {
        DMatrixRMaj product = new DMatrixRMaj(u.numCols, v.numCols);
        CommonOps_DDRM.multTransA(u, times(v, false), product);
        return NormOps_DDRM.normF(product);
    }

    /**
     * {@code ||U' W V||_F} for the first n singular vectors of W itself, which is the root of the sum of its n largest
     * squared singular values. Found by turning a random block of n + 8 directions by W and W' until the sum no longer
     * grows (by 3e-4 of itself, or 16 times): never more than the true value, and near it even for a flat spectrum.
     */
    double largest(int n, long key) {
        int width = Math.min(n + EXTRA, Math.min(out, in));
        DMatrixRMaj v = Subspaces.random(in, width, key);
        double before = 0;
        for (int round = 0; ; round++) {
            DMatrixRMaj wv = times(v, false);
            double now = leading(wv, n);
            if (now - before <= STILL * now || round == MOST_ROUNDS) {
                return Math.max(before, now);
            }
            before = now;
            v = Subspaces.orthonormal(times(Subspaces.orthonormal(wv), true));
        }
    }

    /** The root of the sum of the n largest squared singular values. */
    private static double leading(DMatrixRMaj matrix, int n) {
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                DecompositionFactory_DDRM.svd(matrix.numRows, matrix.numCols, false, false, true);
        if (!svd.decompose(matrix.copy())) {
            throw new IllegalStateException("The decomposition of a finite matrix did not converge.");
        }
        double[] squares = Arrays.stream(svd.getSingularValues(), 0, svd.numberOfSingularValues())
                .map(s -> s * s)
                .sorted()
                .toArray();
        return Math.sqrt(Arrays.stream(squares, Math.max(0, squares.length - n), squares.length)
                .sum());
    }

    /** {@code W x} for x [in, n], or {@code W' x} for x [out, n]. */
    DMatrixRMaj times(DMatrixRMaj x, boolean backwards) {
        DMatrixRMaj y = new DMatrixRMaj(backwards ? in : out, x.numCols);
        int columns = transposed ? out : in;
        if (transposed == backwards) {
            rowsTimes(x, y, columns);
        } else {
            columnsTimes(x, y, columns);
        }
        return y;
    }

    /** Each stored row times x; rows are independent of each other. */
    private void rowsTimes(DMatrixRMaj x, DMatrixRMaj y, int columns) {
        int n = x.numCols;
        IntStream.range(0, y.numRows).parallel().forEach(row -> {
            for (int j = 0; j < columns; j++) {
                addScaled(values[row * columns + j], x.data, j * n, y.data, row * n, n);
            }
        });
    }

    /** Each stored column times x, a block of columns at a time; blocks are independent of each other. */
    private void columnsTimes(DMatrixRMaj x, DMatrixRMaj y, int columns) {
        int n = x.numCols;
        IntStream.range(0, (columns + BLOCK - 1) / BLOCK).parallel().forEach(block -> {
            int end = Math.min(columns, (block + 1) * BLOCK);
            for (int row = 0; row < x.numRows; row++) {
                for (int j = block * BLOCK; j < end; j++) {
                    addScaled(values[row * columns + j], x.data, row * n, y.data, j * n, n);
                }
            }
        });
    }

    private static void addScaled(double factor, double[] from, int at, double[] to, int target, int n) {
        for (int k = 0; k < n; k++) {
            to[target + k] += factor * from[at + k];
        }
    }
}
