package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.shapes.AttentionShapes;
import org.jspecify.annotations.Nullable;

/**
 * Attention on tensors of whatever type: all F32 by {@link Attention}; all BF16 by {@link Bf16Attention} where the processor
 * multiplies BF16; else by {@link Attention} on F32 copies.
 */
final class AttentionByType {
    private final boolean multipliesBf16;
    private final Attention single;
    private final Bf16Attention half;
    private final Bf16AttentionBackward halfBackward;
    private final Elementwise elementwise;
    private final Workspace copies;

    /**
     * @param tools one for each part of the team; none where the processor does not multiply BF16
     * @param copies room for F32 copies, as it was when the call returns
     */
    AttentionByType(Team team, AttentionTools[] tools, Elementwise elementwise, Workspace copies) {
        multipliesBf16 = tools.length > 0;
        single = new Attention(team);
        half = new Bf16Attention(team, tools);
        halfBackward = new Bf16AttentionBackward(team, tools);
        this.elementwise = elementwise;
        this.copies = copies;
    }

    void forward(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        AttentionShapes.attention(q, k, v, sequences, shape, out, lse);
        if (all(DType.F32, q, k, v, out)) {
            single.forward(q, k, v, sequences, shape, out, lse);
        } else if (multipliesBf16 && all(DType.BF16, q, k, v, out)) {
            half.forward(q, k, v, sequences, shape, out, lse);
        } else {
            onCopies(() -> {
                Tensor result = room(out);
                single.forward(read(q), read(k), read(v), sequences, shape, result, lse);
                write(result, out);
            });
        }
    }

    void backward(
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
        AttentionShapes.attentionBackward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        if (all(DType.F32, dOut, q, k, v, out, dQ, dK, dV)) {
            single.backward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        } else if (multipliesBf16 && all(DType.BF16, dOut, q, k, v, out, dQ, dK, dV)) {
            halfBackward.backward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        } else {
            onCopies(() -> {
                Tensor[] results = {room(dQ), room(dK), room(dV)};
                single.backward(
                        read(dOut),
                        read(q),
                        read(k),
                        read(v),
                        read(out),
                        lse,
                        sequences,
                        shape,
                        results[0],
                        results[1],
                        results[2]);
                write(results[0], dQ);
                write(results[1], dK);
                write(results[2], dV);
            });
        }
    }

    private void onCopies(Runnable call) {
        long mark = copies.mark();
        try {
            call.run();
        } finally {
            copies.release(mark);
        }
    }

    private static boolean all(DType type, Tensor... tensors) {
        for (Tensor tensor : tensors) {
            if (tensor.dtype() != type) {
                return false;
            }
        }
        return true;
    }

    private Tensor read(Tensor tensor) {
        if (tensor.dtype() == DType.F32) {
            return tensor;
        }
        Tensor copy = copies.take(tensor.shape());
        elementwise.convert(tensor, copy);
        return copy;
    }

    private Tensor room(Tensor tensor) {
        return tensor.dtype() == DType.F32 ? tensor : copies.take(tensor.shape());
    }

    private void write(Tensor result, Tensor target) {
        if (result != target) {
            elementwise.convert(result, target);
        }
    }
}
