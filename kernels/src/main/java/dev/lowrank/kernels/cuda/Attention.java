package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Attention, forwards and back: in products of BF16 where all tensors are, else in fp32. Scores never lie in the device's memory. */
final class Attention implements AutoCloseable {
    private final Device device;
    private final UploadedSequences starts;

    Attention(Device device) {
        this.device = device;
        starts = new UploadedSequences(device);
    }

    void forward(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        int width = width(q, shape);
        AttentionTiles tiles = AttentionTiles.forward(half(q, k, v, out), width);
        Launch launch = device.launch(tiles.kernel()).with(q).with(k).with(v);
        shaped(launch, sequences, shape, width).with(out).at(lse);
        tiles.run(launch, q.rows(), sequences.count(), shape.heads());
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
        int width = width(q, shape);
        boolean half = half(dOut, q, k, v, out, dQ, dK, dV);
        long mark = device.scratch().mark();
        Tensor delta = device.scratch().take(q.rows(), shape.heads());
        device.launch("attentionDelta")
                .with(dOut)
                .with(out)
                .at(delta)
                .with(delta.size())
                .with(width)
                .overWarps(delta.size());

        AttentionTiles queries = AttentionTiles.ofQueries(half, width);
        Launch ofQueries = gradient(queries, dOut, q, k, v, lse, delta);
        shaped(ofQueries, sequences, shape, width).with(dQ);
        queries.run(ofQueries, q.rows(), sequences.count(), shape.heads());

        AttentionTiles keys = AttentionTiles.ofKeys(half, width);
        Launch ofKeys = gradient(keys, dOut, q, k, v, lse, delta);
        shaped(ofKeys, sequences, shape, width).with(dK).with(dV);
        keys.run(ofKeys, k.rows(), sequences.count(), shape.kvHeads());
        device.scratch().release(mark);
    }

    private Launch gradient(AttentionTiles tiles, Tensor dOut, Tensor q, Tensor k, Tensor v, Tensor lse, Tensor delta) {
        return device.launch(tiles.kernel())
                .with(dOut)
                .with(q)
                .with(k)
                .with(v)
                .at(lse)
                .at(delta);
    }

    /** Where the sequences begin, how many heads there are, and what is done to scores. */
    private Launch shaped(Launch launch, Sequences sequences, AttentionShape shape, int width) {
        starts.put(sequences);
        return launch.structure(starts.queryStarts(), starts.keyStarts(), sequences.count(), shape.window())
                .structure(shape.heads(), shape.kvHeads(), width)
                .with(shape.scale())
                .with(shape.softCap());
    }

    private static int width(Tensor q, AttentionShape shape) {
        int width = q.columns() / shape.heads();
        AttentionTiles.checkWidth(width);
        return width;
    }

    private static boolean half(Tensor... tensors) {
        return Stream.of(tensors).allMatch(tensor -> tensor.dtype() == DType.BF16);
    }

    @Override
    public void close() {
        starts.close();
    }
}
