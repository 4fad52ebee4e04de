package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** The checks of attention and of the positions before it. */
public final class AttentionShapes {
    private AttentionShapes() {}

    /** x F32 or BF16 [N, heads * D]; positions I32 [N], each below P; cos, sin F32 [P, R/2], R at most D. */
    public static void rope(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, Ints values) {
        Shapes.realMatrix("rope x", x);
        Shapes.require(
                heads > 0 && x.columns() % heads == 0,
                () -> "rope x is %s, which does not divide into %d heads.".formatted(x, heads));
        int width = x.columns() / heads;
        Shapes.matrix("rope cos", cos);
        int half = cos.columns();
        Shapes.require(
                half > 0 && 2L * half <= width,
                () -> "rope cos is %s, which turns %d elements of a head of %d.".formatted(cos, 2L * half, width));
        Shapes.matrix("rope sin", sin, cos.rows(), half);
        Shapes.ints("rope positions", positions, x.rows());
        Shapes.inRange("rope positions", values, x.rows(), cos.rows(), 0);
    }

    /** q, out [N, H * D], k, v [M, G * D], each F32 or BF16; lse F32 [N, H] or null; the sequences are all rows. */
    public static void attention(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        Shapes.reals("attention q", q);
        Shapes.reals("attention k", k);
        Shapes.reals("attention v", v);
        Shapes.reals("attention out", out);
        operands("attention", q, k, v, sequences, shape);
        like(q, "attention out", out);
        if (lse != null) {
            Shapes.matrix("attention lse", lse, q.rows(), shape.heads());
        }
    }

    /** As {@link #attention}; dOut, dQ [N, H * D] and dK, dV [M, G * D], each F32 or BF16. */
    public static void attentionBackward(
            Tensor dOut,
            Tensor q,
            Tensor k,
            Tensor v,
            Tensor out,
            Tensor lse,
            Sequences sequences,
            AttentionShape shape,
            Tensor dQ,
            Tensor dK,
            Tensor dV) {
        Shapes.reals("attentionBackward dOut", dOut);
        Shapes.reals("attentionBackward q", q);
        Shapes.reals("attentionBackward k", k);
        Shapes.reals("attentionBackward v", v);
        Shapes.reals("attentionBackward out", out);
        Shapes.reals("attentionBackward dQ", dQ);
        Shapes.reals("attentionBackward dK", dK);
        Shapes.reals("attentionBackward dV", dV);
        operands("attentionBackward", q, k, v, sequences, shape);
        like(q, "attentionBackward dOut", dOut);
        like(q, "attentionBackward out", out);
        Shapes.matrix("attentionBackward lse", lse, q.rows(), shape.heads());
        like(q, "attentionBackward dQ", dQ);
        like(k, "attentionBackward dK", dK);
        like(k, "attentionBackward dV", dV);
    }

    private static void operands(String op, Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape) {
        Shapes.realMatrix(op + " q", q);
        Shapes.require(
                q.columns() % shape.heads() == 0 && q.columns() > 0,
                () -> "%s q is %s, which does not divide into %d heads.".formatted(op, q, shape.heads()));
        long width = (long) shape.kvHeads() * (q.columns() / shape.heads());
        Shapes.realMatrix(op + " k", k);
        Shapes.realMatrix(op + " k", k, k.rows(), width);
        Shapes.realMatrix(op + " v", v, k.rows(), width);
        whole(op + " queries", sequences.queryStarts(), q.rows());
        whole(op + " keys", sequences.keyStarts(), k.rows());
    }

    private static void whole(String what, int[] starts, int rows) {
        Shapes.require(
                starts[0] == 0 && starts[starts.length - 1] == rows,
                () -> "%s: the sequences cover rows %d to %d, but there are %d."
                        .formatted(what, starts[0], starts[starts.length - 1], rows));
    }

    /** With another tensor's rows and columns; what is F32 is told so. */
    private static void like(Tensor other, String what, Tensor tensor) {
        if (tensor.dtype() == DType.F32) {
            Shapes.matrix(what, tensor, other.rows(), other.columns());
        } else {
            Shapes.realMatrix(what, tensor, other.rows(), other.columns());
        }
    }
}
