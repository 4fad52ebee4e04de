package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** Attention, forwards and back. Scores never lie in the device's memory. */
final class Attention {
    private static final int WIDEST = 512; // head, in attention_full.cu

    private final Device device;

    Attention(Device device) {
        this.device = device;
    }

    void forward(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        checkWidth(q, shape);
        long mark = device.scratch().mark();
        Launch launch = device.launch("attentionFull").with(q).with(k).with(v);
        shaped(launch, sequences, shape, q).with(out).at(lse).with(q.rows()).overWarps(q.rows() * (long) shape.heads());
        device.scratch().release(mark);
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
        checkWidth(q, shape);
        long mark = device.scratch().mark();
        Tensor delta = device.scratch().take(q.rows(), shape.heads());
        Launch queries = device.launch("attentionFullQueries")
                .with(dOut)
                .with(q)
                .with(k)
                .with(v)
                .with(out)
                .at(lse);
        shaped(queries, sequences, shape, q)
                .at(delta)
                .with(dQ)
                .with(q.rows())
                .overWarps(q.rows() * (long) shape.heads());
        Launch keys = device.launch("attentionFullKeys")
                .with(dOut)
                .with(q)
                .with(k)
                .with(v)
                .at(lse)
                .at(delta);
        shaped(keys, sequences, shape, q).with(dK).with(dV).with(k.rows()).overWarps(k.rows() * (long) shape.kvHeads());
        device.scratch().release(mark);
    }

    /** Where the sequences begin, how many heads there are, and what is done to scores. */
    private Launch shaped(Launch launch, Sequences sequences, AttentionShape shape, Tensor q) {
        Tensor queryStarts = device.scratchInts(sequences.queryStarts());
        Tensor keyStarts = device.scratchInts(sequences.keyStarts());
        return launch.structure(
                        queryStarts.data().address(), keyStarts.data().address(), sequences.count(), shape.window())
                .structure(shape.heads(), shape.kvHeads(), q.columns() / shape.heads())
                .with(shape.scale())
                .with(shape.softCap());
    }

    private static void checkWidth(Tensor q, AttentionShape shape) {
        int width = q.columns() / shape.heads();
        if (width > WIDEST) {
            throw new IllegalArgumentException(
                    "Attention on CUDA takes heads of up to %d elements, not %d.".formatted(WIDEST, width));
        }
    }
}
