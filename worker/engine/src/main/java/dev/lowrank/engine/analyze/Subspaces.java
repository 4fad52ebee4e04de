package dev.lowrank.engine.analyze;

import dev.lowrank.engine.CounterRandom;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;

/** How much two sets of directions have in common. */
final class Subspaces {
    private Subspaces() {}

    /**
     * The normalised similarity on the Grassmann manifold of every pair of leading directions:
     * {@code phi(i, j) = ||V1(i)' V2(j)||_F^2 / min(i, j)}, V(i) being the first i columns. 1 if the smaller space lies in
     * the larger, 0 if they are orthogonal; about {@code max(i, j) / d} for random spaces of d dimensions.
     *
     * @param v1 [d, n1], orthonormal columns
     * @param v2 [d, n2], orthonormal columns
     * @return [n1, n2], phi of (i + 1, j + 1)
     */
    static double[][] similarity(DMatrixRMaj v1, DMatrixRMaj v2) {
        DMatrixRMaj cosines = new DMatrixRMaj(v1.numCols, v2.numCols);
        CommonOps_DDRM.multTransA(v1, v2, cosines);
        double[][] phi = new double[v1.numCols][v2.numCols];
        double[] above = new double[v2.numCols];
        for (int i = 0; i < v1.numCols; i++) {
            double row = 0;
            for (int j = 0; j < v2.numCols; j++) {
                row += cosines.get(i, j) * cosines.get(i, j);
                above[j] += row;
                phi[i][j] = above[j] / (Math.min(i, j) + 1);
            }
        }
        return phi;
    }

    /** Random orthonormal columns, [dimensions, count], the same for the same key. */
    static DMatrixRMaj random(int dimensions, int count, long key) {
        DMatrixRMaj matrix = new DMatrixRMaj(dimensions, count);
        for (int i = 0; i < matrix.data.length; i++) {
            matrix.data[i] = CounterRandom.normal(key, i);
        }
        return orthonormal(matrix);
    }

    /** Orthonormal columns that span those of a matrix, which is as tall as wide at least. */
    static DMatrixRMaj orthonormal(DMatrixRMaj matrix) {
        QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(matrix.numRows, matrix.numCols);
        qr.decompose(matrix.copy());
        return qr.getQ(null, true);
    }
}
