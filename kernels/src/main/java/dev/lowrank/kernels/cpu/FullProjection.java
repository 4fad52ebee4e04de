package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The products of the output projection in fp32. */
final class FullProjection implements CrossEntropy.Projection {
    private final Matmul matmul;
    private final Team team;
    private final MemorySegment weight;
    private final MemorySegment logits;
    private final MemorySegment gathered; // [chunk, width]

    FullProjection(Matmul matmul, Team team, Tensor weight, int chunk, Workspace scratch) {
        this.matmul = matmul;
        this.team = team;
        this.weight = weight.data();
        logits = scratch.take(chunk, weight.rows()).data();
        gathered = scratch.take(chunk, weight.columns()).data();
    }

    @Override
    public MemorySegment logits() {
        return logits;
    }

    @Override
    public void project(Tensor hidden, CrossEntropy.Chunk c) {
        long bytes = (long) c.width() * Float.BYTES;
        team.rows(c.count(), c.width(), (from, to) -> {
            for (long i = from; i < to; i++) {
                MemorySegment.copy(hidden.data(), c.row(i) * bytes, gathered, i * bytes, bytes);
            }
        });
        int width = c.width();
        long h = gathered.address();
        matmul.multiply(
                false,
                true,
                c.count(),
                c.vocabulary(),
                width,
                1,
                h,
                width,
                weight.address(),
                width,
                0,
                logits.address(),
                c.vocabulary());
    }

    @Override
    public void gradients(
            CrossEntropy.Chunk c, float @Nullable [] factors, @Nullable Tensor dHidden, @Nullable Tensor dWeight) {
        int width = c.width();
        int vocabulary = c.vocabulary();
        long g = logits.address();
        long h = gathered.address();
        if (dWeight != null) {
            long dW = dWeight.data().address();
            matmul.multiply(true, false, vocabulary, width, c.count(), 1, g, vocabulary, h, width, 1, dW, width);
        }
        if (dHidden != null) {
            long w = weight.address();
            matmul.multiply(false, false, c.count(), width, vocabulary, 1, g, vocabulary, w, width, 0, h, width);
            long bytes = (long) width * Float.BYTES;
            team.rows(c.count(), width, (from, to) -> {
                for (long i = from; i < to; i++) {
                    MemorySegment.copy(gathered, i * bytes, dHidden.data(), c.row(i) * bytes, bytes);
                }
            });
        }
    }
}
