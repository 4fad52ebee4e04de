package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Output projection and cross-entropy in one, over the rows that have a label, a chunk of them at a time. With G the gradient of a
 * chunk's logits and H its rows, {@code dH = G W} and {@code dW += G^T H}.
 */
final class CrossEntropy {
    /** A chunk's logits and their gradients take about this much: enough rows that reading the head again is worth it. */
    private static final long CHUNK_BYTES = 256 << 20;

    private static final int FEWEST_ROWS = 64;
    private static final int MOST_ROWS = 512;
    private static final int THREADS = 1024; // of the one block that adds up

    private final Device device;
    private final Products products;

    CrossEntropy(Device device, Products products) {
        this.device = device;
        this.products = products;
    }

    /** Rows of a chunk, in order; with their labels. */
    private record Chunk(int[] rows, int[] labels) {}

    /**
     * @param hidden [N, C]
     * @param weight [V, C]
     * @param scratch where a chunk lives
     */
    LossSum run(
            Tensor hidden,
            Tensor weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Workspace scratch) {
        int[] labels = device.ints().of(target.labels());
        int[] trained = rows(labels, true);
        long mark = scratch.mark();
        Tensor total = scratch.take(DType.U8, 2 * Double.BYTES);
        device.zero(total);
        int most = chunk(hidden.rows(), weight.rows());
        for (int from = 0; from < trained.length; from += most) {
            int[] rows = Arrays.copyOfRange(trained, from, Math.min(trained.length, from + most));
            Chunk chunk =
                    new Chunk(rows, IntStream.of(rows).map(row -> labels[row]).toArray());
            run(chunk, hidden, weight, target, losses, dHidden, dWeight, total, scratch);
        }
        clear(rows(labels, false), losses, dHidden);
        LossSum sum = read(total, trained.length);
        scratch.release(mark);
        return sum;
    }

    /** Each chunk reads its rows of hidden before it writes the same rows of dHidden. */
    private void run(
            Chunk chunk,
            Tensor hidden,
            Tensor weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Tensor total,
            Workspace scratch) {
        int count = chunk.rows.length;
        int width = weight.columns();
        int vocabulary = weight.rows();
        boolean full = hidden.dtype() == DType.F32 && weight.dtype() == DType.F32;
        DType narrow = full ? DType.F32 : DType.BF16;
        long mark = scratch.mark();
        long markOfInts = device.scratch().mark();
        Tensor rows = device.scratchInts(chunk.rows);
        Tensor labels = device.scratchInts(chunk.labels);
        Tensor gathered = scratch.take(narrow, count, width);
        moveRows("gatherRows", hidden, rows, gathered, count);
        Tensor logits = scratch.take(count, vocabulary);
        products.run(gathered, false, weight, true, 1, 0, logits);
        boolean wanted = dHidden != null || dWeight != null;
        Tensor gradient = !wanted ? null : full ? logits : scratch.take(narrow, count, vocabulary);
        Tensor sums = scratch.take(DType.U8, (long) count * Double.BYTES);
        Tensor right = scratch.take(DType.I32, count);
        device.launch("crossEntropy")
                .at(logits)
                .with(count)
                .with(vocabulary)
                .at(rows)
                .at(labels)
                .with(target.softCap())
                .with(target.scale())
                .at(target.rowScale())
                .at(losses)
                .at(sums)
                .at(right)
                .with(gradient)
                .overRows(count, vocabulary);
        device.launch("addLosses").at(sums).at(right).with(count).at(total).run(1, 1, 1, THREADS);
        if (gradient != null && dWeight != null) {
            products.run(gradient, true, gathered, false, 1, 1, dWeight);
        }
        if (gradient != null && dHidden != null) {
            Tensor back = scratch.take(dHidden.dtype(), count, width);
            products.run(gradient, false, weight, false, 1, 0, back);
            moveRows("scatterRows", back, rows, dHidden, count);
        }
        device.scratch().release(markOfInts);
        scratch.release(mark);
    }

    private void moveRows(String kernel, Tensor source, Tensor rows, Tensor target, int count) {
        device.launch(kernel)
                .with(source)
                .at(rows)
                .with(target)
                .with(count)
                .with(source.columns())
                .overRows(count, source.columns());
    }

    /** Zeros in rows without a label. */
    private void clear(int[] ignored, @Nullable Tensor losses, @Nullable Tensor dHidden) {
        long mark = device.scratch().mark();
        Tensor rows = device.scratchInts(ignored);
        for (Tensor target : Arrays.asList(losses, dHidden)) {
            if (target != null) {
                device.launch("zeroRows")
                        .at(rows)
                        .with(target)
                        .with(ignored.length)
                        .with(target.columns())
                        .overRows(ignored.length, target.columns());
            }
        }
        device.scratch().release(mark);
    }

    private LossSum read(Tensor total, int tokens) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment both = arena.allocate(ValueLayout.JAVA_DOUBLE, 2);
            device.download(total, both);
            return new LossSum(both.getAtIndex(ValueLayout.JAVA_DOUBLE, 0), tokens, (long)
                    both.getAtIndex(ValueLayout.JAVA_DOUBLE, 1));
        }
    }

    private static int[] rows(int[] labels, boolean trained) {
        return IntStream.range(0, labels.length)
                .filter(row -> labels[row] != Kernels.IGNORED == trained)
                .toArray();
    }

    private static int chunk(int rows, int vocabulary) {
        long fitting = CHUNK_BYTES / ((long) (Float.BYTES + Short.BYTES) * Math.max(1, vocabulary));
        return (int) Math.min(Math.max(1, rows), Math.clamp(fitting, FEWEST_ROWS, MOST_ROWS));
    }
}
