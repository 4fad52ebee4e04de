package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * Factors A [r, in] and B [out, r] that hold a part of a weight W [out, in], as PiSSA and OLoRA begin. The same weight
 * and key give the same bits.
 *
 * @param a row-major
 * @param b row-major
 */
@SuppressWarnings("ArrayRecordComponent") // A carrier for buffers; nobody compares two of them.
record WeightFactors(float[] a, float[] b) {
    /** Up to this many rows or columns all singular triples are computed. */
    private static final int EXACT = 256;
    /** What PEFT calls {@code pissa_niter_4}. */
    private static final int ROUNDS = 4;

    private static final int EXTRA = 10;

    /** The first singular triples: {@code W ~ u diag(s) v'}, u [out, n] and v [in, n] with n at least r. */
    private record Triples(DMatrixRMaj u, double[] s, DMatrixRMaj v) {}

    /** Of the right sizes, for a weight whose numbers nobody has. */
    static WeightFactors zero(Tensor weight, int rank) {
        return new WeightFactors(new float[rank * weight.columns()], new float[weight.rows() * rank]);
    }

    /**
     * PiSSA: {@code A = sqrt(S / scale) V'} and {@code B = U sqrt(S / scale)} of the r largest singular triples, so that
     * {@code scale B A} is the best approximation of W of that rank. Of a matrix of more than 256 rows and columns they
     * are found by turning r + 10 random directions four times by W and W' (Halko, Martinsson, Tropp 2011).
     */
    static WeightFactors pissa(Tensor weight, int rank, double scale, long key, Kernels kernels, Workspace memory) {
        boolean small = Math.min(weight.rows(), weight.columns()) <= EXACT;
        return pissa(weight, rank, scale, small, key, kernels, memory);
    }

    static WeightFactors pissa(
            Tensor weight, int rank, double scale, boolean exactly, long key, Kernels kernels, Workspace memory) {
        Triples triples = exactly ? exact(matrix(weight, kernels)) : leading(weight, rank, key, kernels, memory);
        return scaled(triples, weight, rank, scale);
    }

    /**
     * OLoRA: of {@code W = Q R} the first r columns of Q as B and the first r rows of R as A. Those columns depend on W's
     * first r columns alone, and {@code R = Q' W}.
     */
    static WeightFactors olora(Tensor weight, int rank, Kernels kernels) {
        DMatrixRMaj w = matrix(weight, kernels);
        DMatrixRMaj q = orthonormal(CommonOps_DDRM.extract(w, 0, w.numRows, 0, rank));
        DMatrixRMaj r = new DMatrixRMaj(rank, w.numCols);
        CommonOps_DDRM.multTransA(q, w, r);
        return new WeightFactors(floats(r), floats(q));
    }

    private static Triples exact(DMatrixRMaj w) {
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                DecompositionFactory_DDRM.svd(w.numRows, w.numCols, true, true, true);
        if (!svd.decompose(w)) {
            throw new IllegalStateException("The decomposition of a finite matrix did not converge.");
        }
        DMatrixRMaj u = svd.getU(null, false);
        DMatrixRMaj s = svd.getW(null);
        DMatrixRMaj v = svd.getV(null, false);
        SingularOps_DDRM.descendingOrder(u, false, s, v, false);
        double[] values = new double[Math.min(s.numRows, s.numCols)];
        Arrays.setAll(values, i -> s.get(i, i));
        return new Triples(u, values, v);
    }

    private static WeightFactors scaled(Triples triples, Tensor weight, int rank, double scale) {
        int in = weight.columns();
        float[] a = new float[Math.multiplyExact(rank, in)];
        float[] b = new float[Math.multiplyExact(weight.rows(), rank)];
        for (int i = 0; i < rank; i++) {
            double root = Math.sqrt(triples.s()[i] / scale);
            for (int c = 0; c < in; c++) {
                a[i * in + c] = (float) (root * triples.v().get(c, i));
            }
            for (int r = 0; r < weight.rows(); r++) {
                b[r * rank + i] = (float) (root * triples.u().get(r, i));
            }
        }
        return new WeightFactors(a, b);
    }

    private static Triples leading(Tensor weight, int rank, long key, Kernels kernels, Workspace memory) {
        int width = Math.min(rank + EXTRA, Math.min(weight.rows(), weight.columns()));
        DMatrixRMaj v = new DMatrixRMaj(weight.columns(), width);
        for (int i = 0; i < v.data.length; i++) {
            v.data[i] = CounterRandom.normal(key, i);
        }
        DMatrixRMaj u = orthonormal(product(weight, false, v, kernels, memory));
        for (int round = 0; round < ROUNDS; round++) {
            v = orthonormal(product(weight, true, u, kernels, memory));
            u = orthonormal(product(weight, false, v, kernels, memory));
        }
        // W ~ u u'W, and with W'u = x diag(s) y' that is (u y) diag(s) x'.
        DMatrixRMaj back = product(weight, true, u, kernels, memory);
        DMatrixRMaj q = orthonormal(back);
        DMatrixRMaj core = new DMatrixRMaj(width, width);
        CommonOps_DDRM.multTransA(q, back, core);
        Triples small = exact(core);
        DMatrixRMaj left = new DMatrixRMaj(u.numRows, width);
        DMatrixRMaj right = new DMatrixRMaj(q.numRows, width);
        CommonOps_DDRM.mult(u, small.v(), left);
        CommonOps_DDRM.mult(q, small.u(), right);
        return new Triples(left, small.s(), right);
    }

    /** {@code W x}, or {@code W' x}, in fp32. */
    private static DMatrixRMaj product(
            Tensor weight, boolean transposed, DMatrixRMaj x, Kernels kernels, Workspace memory) {
        long mark = memory.mark();
        Tensor factor = memory.take(x.numRows, x.numCols);
        kernels.upload(floats(x), 0, factor);
        Tensor product = memory.take(transposed ? weight.columns() : weight.rows(), x.numCols);
        kernels.matmul(weight, transposed, factor, false, 1, 0, product);
        DMatrixRMaj result = matrix(product, kernels);
        memory.release(mark);
        return result;
    }

    private static DMatrixRMaj orthonormal(DMatrixRMaj columns) {
        QRDecomposition<DMatrixRMaj> qr = DecompositionFactory_DDRM.qr(columns.numRows, columns.numCols);
        if (!qr.decompose(columns.copy())) {
            throw new IllegalStateException("The decomposition of a finite matrix failed.");
        }
        return qr.getQ(null, true);
    }

    private static DMatrixRMaj matrix(Tensor tensor, Kernels kernels) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        DMatrixRMaj matrix = new DMatrixRMaj(tensor.rows(), tensor.columns());
        for (int i = 0; i < values.length; i++) {
            matrix.data[i] = values[i];
        }
        return matrix;
    }

    private static float[] floats(DMatrixRMaj matrix) {
        float[] values = new float[matrix.getNumElements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) matrix.data[i];
        }
        return values;
    }
}
