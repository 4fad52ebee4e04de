package dev.lowrank.engine.analyze;

import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * The singular value decomposition of {@code dW = scale * B A}, [out, in], which is never formed.
 *
 * <p>With {@code B = Qb Rb} and {@code A' = Qa Ra} (A' being A transposed), {@code dW = Qb (scale Rb Ra') Qa'}. Both Q
 * have orthonormal columns, so the r x r core in the middle has dW's singular values, and its singular vectors become
 * dW's when multiplied by Qb and Qa.
 *
 * <p>Directions whose singular value is below a millionth of the largest are rounding and left out.
 */
final class LowRankUpdate {
    private static final double NOTHING = 1e-6;

    private final double[] singularValues;
    private final DMatrixRMaj left;
    private final DMatrixRMaj right;

    private LowRankUpdate(double[] singularValues, DMatrixRMaj left, DMatrixRMaj right) {
        this.singularValues = singularValues;
        this.left = left;
        this.right = right;
    }

    /**
     * Decomposes an update.
     *
     * @param a [rank, in], row-major
     * @param b [out, rank], row-major
     */
    static LowRankUpdate of(float[] a, float[] b, int rank, double scale) {
        int in = a.length / rank;
        int out = b.length / rank;
        Thin columns = Thin.of(matrix(b, out, rank));
        Thin rows = Thin.of(transposed(matrix(a, rank, in)));
        DMatrixRMaj core = new DMatrixRMaj(columns.r.numRows, rows.r.numRows);
        CommonOps_DDRM.multTransB(scale, columns.r, rows.r, core);
        if (CommonOps_DDRM.elementMaxAbs(core) == 0) {
            return new LowRankUpdate(new double[0], new DMatrixRMaj(out, 0), new DMatrixRMaj(in, 0));
        }
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                DecompositionFactory_DDRM.svd(core.numRows, core.numCols, true, true, true);
        if (!svd.decompose(core)) {
            throw new IllegalStateException("The decomposition of a finite matrix did not converge.");
        }
        DMatrixRMaj u = svd.getU(null, false);
        DMatrixRMaj w = svd.getW(null);
        DMatrixRMaj v = svd.getV(null, false);
        SingularOps_DDRM.descendingOrder(u, false, w, v, false);
        int count = Math.min(w.numRows, w.numCols);
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = w.get(i, i);
        }
        double least = values[0] * NOTHING;
        double[] kept = Arrays.stream(values).filter(value -> value > least).toArray();
        return new LowRankUpdate(kept, first(columns.q, u, kept.length), first(rows.q, v, kept.length));
    }

    /** Q and R of a tall matrix, or of a wide one, both without the columns and rows that are not needed. */
    private record Thin(DMatrixRMaj q, DMatrixRMaj r) {
        static Thin of(DMatrixRMaj matrix) {
            QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(matrix.numRows, matrix.numCols);
            qr.decompose(matrix);
            return new Thin(qr.getQ(null, true), qr.getR(null, true));
        }
    }

    /** The first columns of q times vectors. */
    private static DMatrixRMaj first(DMatrixRMaj q, DMatrixRMaj vectors, int columns) {
        DMatrixRMaj some = CommonOps_DDRM.extract(vectors, 0, vectors.numRows, 0, columns);
        DMatrixRMaj product = new DMatrixRMaj(q.numRows, columns);
        CommonOps_DDRM.mult(q, some, product);
        return product;
    }

    private static DMatrixRMaj matrix(float[] values, int rows, int columns) {
        DMatrixRMaj matrix = new DMatrixRMaj(rows, columns);
        for (int i = 0; i < values.length; i++) {
            matrix.data[i] = values[i];
        }
        return matrix;
    }

    private static DMatrixRMaj transposed(DMatrixRMaj matrix) {
        return CommonOps_DDRM.transpose(matrix, null);
    }

    /** Descending, each above a millionth of the first; empty if the update adds nothing. */
    double[] singularValues() {
        return singularValues;
    }

    /** Left singular vectors, [out, values], which are output directions. */
    DMatrixRMaj left() {
        return left;
    }

    /** Right singular vectors, [in, values], which are input directions. */
    DMatrixRMaj right() {
        return right;
    }

    /** {@code ||dW||_F}: the root of the sum of the squared singular values. */
    double norm() {
        return Math.sqrt(Arrays.stream(singularValues).map(s -> s * s).sum());
    }

    /** {@code exp(-sum p ln p)} with {@code p = s / sum s}: r for r equal singular values, 1 for a single one. */
    double effectiveRank() {
        double sum = Arrays.stream(singularValues).sum();
        double entropy = 0;
        for (double s : singularValues) {
            entropy -= s / sum * Math.log(s / sum);
        }
        return singularValues.length == 0 ? 0 : Math.exp(entropy);
    }

    /** How many singular values are above a share of the largest. */
    int above(double share) {
        return (int) Arrays.stream(singularValues)
                .filter(s -> s > share * singularValues[0])
                .count();
    }

    /** How many of the first singular values have a share of the energy, which is the sum of their squares. */
    int covering(double share) {
        double wanted = share * norm() * norm();
        double sum = 0;
        int count = 0;
        // The last one is never needed for rounding alone.
        while (count < singularValues.length && sum < wanted * (1 - 1e-12)) {
            sum += singularValues[count] * singularValues[count];
            count++;
        }
        return count;
    }
}
