package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import org.jspecify.annotations.Nullable;

/** The checks of both ends of a model, where words are numbers: embeddings and cross-entropy. */
public final class HeadShapes {
    private HeadShapes() {}

    /** ids I32 [N], each below V; table [V, C], out [N, C], each F32 or BF16. */
    public static void embedding(Tensor ids, Tensor table, Tensor out, Ints values) {
        Shapes.realMatrix("embedding table", table);
        lookUp("embedding", ids, values, table.rows(), "out", out, table.columns());
    }

    /** The same of a table [V, C] that is packed. */
    public static void embedding(Tensor ids, Packed table, Tensor out, Ints values) {
        lookUp("embedding", ids, values, table.rows(), "out", out, table.columns());
    }

    /** ids I32 [N], each below V; dOut F32 or BF16 [N, C]; dTable F32 [V, C]. */
    public static void embeddingBackward(Tensor ids, Tensor dOut, Tensor dTable, Ints values) {
        Shapes.matrix("embeddingBackward dTable", dTable);
        lookUp("embeddingBackward", ids, values, dTable.rows(), "dOut", dOut, dTable.columns());
    }

    /**
     * hidden [N, C], weight [V, C], each F32 or BF16; labels I32 [N], each below V or {@link Kernels#IGNORED}; rowScale and
     * losses F32 [N], or null; dHidden F32 or BF16 [N, C] and dWeight F32 [V, C], or null.
     */
    public static void linearCrossEntropy(
            Tensor hidden,
            Tensor weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Ints labels) {
        Shapes.realMatrix("linearCrossEntropy weight", weight);
        rows(hidden, weight.rows(), weight.columns(), target, losses, dHidden, labels);
        if (dWeight != null) {
            Shapes.matrix("linearCrossEntropy dWeight", dWeight, weight.rows(), weight.columns());
        }
    }

    /** The same of a head [V, C] that is packed. */
    public static void linearCrossEntropy(
            Tensor hidden,
            Packed weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            Ints labels) {
        rows(hidden, weight.rows(), weight.columns(), target, losses, dHidden, labels);
    }

    private static void lookUp(String op, Tensor ids, Ints values, int entries, String name, Tensor rows, int columns) {
        Shapes.ints(op + " ids", ids, ids.size());
        Shapes.realMatrix(op + " " + name, rows, ids.size(), columns);
        Shapes.inRange(op + " ids", values, ids.size(), entries, 0);
    }

    private static void rows(
            Tensor hidden,
            int vocabulary,
            int width,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            Ints labels) {
        Shapes.realMatrix("linearCrossEntropy hidden", hidden);
        int rows = hidden.rows();
        Shapes.realMatrix("linearCrossEntropy hidden", hidden, rows, width);
        Shapes.ints("linearCrossEntropy labels", target.labels(), rows);
        Shapes.inRange("linearCrossEntropy labels", labels, rows, vocabulary, Kernels.IGNORED);
        Tensor rowScale = target.rowScale();
        if (rowScale != null) {
            Shapes.floats("linearCrossEntropy rowScale", rowScale, rows);
        }
        if (losses != null) {
            Shapes.floats("linearCrossEntropy losses", losses, rows);
        }
        if (dHidden != null) {
            Shapes.realMatrix("linearCrossEntropy dHidden", dHidden, rows, width);
        }
    }
}
