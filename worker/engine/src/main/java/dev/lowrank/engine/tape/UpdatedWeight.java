package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;

/** The weight an adapter makes of a layer's own: {@code W + s B A} as [out, in], dense. */
public final class UpdatedWeight {
    private UpdatedWeight() {}

    /** Formed in the workspace, which the caller releases. */
    public static Tensor of(Matrix weight, boolean transposed, LowRank lowRank, Kernels kernels, Workspace workspace) {
        Tensor updated = dense(weight, transposed, kernels, workspace);
        kernels.matmul(lowRank.b().value(), false, lowRank.a().value(), false, lowRank.scale(), 1, updated);
        return updated;
    }

    /** Lengths of the rows of {@link #of}, [out]. */
    public static float[] rowLengths(
            Matrix weight, boolean transposed, LowRank lowRank, Kernels kernels, Workspace workspace) {
        Tensor updated = of(weight, transposed, lowRank, kernels, workspace);
        Tensor norms = workspace.take(updated.rows());
        kernels.rowNorms(updated, norms);
        float[] lengths = new float[updated.rows()];
        kernels.download(norms, lengths, 0);
        return lengths;
    }

    /** The layer's own weight as a new fp32 [out, in]. */
    public static Tensor dense(Matrix weight, boolean transposed, Kernels kernels, Workspace workspace) {
        Tensor copy = workspace.take(weight.rows(), weight.columns());
        switch (weight) {
            case Parameter parameter -> kernels.convert(parameter.value(), copy);
            case Frozen frozen -> kernels.unpack(frozen.data(), copy);
            case FourBit quantized -> kernels.dequantizeNf4(quantized.data(), copy);
        }
        return transposed ? turned(copy, kernels, workspace) : copy;
    }

    /** The transpose, on the host: only Conv1D layers need it, and only for DoRA and merging. */
    private static Tensor turned(Tensor matrix, Kernels kernels, Workspace workspace) {
        int rows = matrix.rows();
        int columns = matrix.columns();
        float[] from = new float[Math.multiplyExact(rows, columns)];
        float[] to = new float[from.length];
        kernels.download(matrix, from, 0);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                to[c * rows + r] = from[r * columns + c];
            }
        }
        Tensor turned = workspace.take(columns, rows);
        kernels.upload(to, 0, turned);
        return turned;
    }
}
