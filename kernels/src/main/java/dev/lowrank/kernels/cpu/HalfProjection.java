package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The products of an output projection on bf16 that is trained itself; {@link TiledEntropy} is for frozen ones. The head is packed once for all chunks, both ways where gradients are
 * wanted; logits are F32, their gradients BF16, each row where its logits began.
 */
final class HalfProjection implements CrossEntropy.Projection {
    /** A chunk's logits should take about this much. */
    private static final long CHUNK_BYTES = 64 << 20;

    private static final int FEWEST_ROWS = 128;
    private static final int MOST_ROWS = 512;

    private final Bf16Matmul matmul;
    private final Team team;
    private final PackedMatrix forward; // W^T [width, vocabulary]
    private final @Nullable PackedMatrix backward; // W [vocabulary, width]
    private final MemorySegment logits; // [chunk, vocabulary] and a block that may be read behind them
    private final MemorySegment gathered; // BF16 [chunk, width]
    private final MemorySegment sums; // F32 [chunk, width]
    private final MemorySegment rowsOfHidden; // H [chunk, width], packed

    HalfProjection(Bf16Matmul matmul, Team team, Tensor weight, int chunk, boolean gradient, Workspace scratch) {
        this.matmul = matmul;
        this.team = team;
        int vocabulary = weight.rows();
        int width = weight.columns();
        forward = packed(scratch, width, vocabulary, width);
        backward = gradient ? packed(scratch, vocabulary, width, vocabulary) : null;
        long mark = scratch.mark();
        Tensor half = narrowed(team, weight, scratch);
        matmul.fill(forward, half.data(), width, true);
        if (backward != null) {
            matmul.fill(backward, half.data(), width, false);
        }
        scratch.release(mark); // Its memory serves the logits.
        logits = scratch.take((long) chunk * vocabulary + PackedMatrix.BLOCK).data();
        gathered = scratch.take(DType.BF16, chunk, width).data();
        sums = scratch.take(chunk, width).data();
        rowsOfHidden = packed(scratch, chunk, width, chunk).data();
    }

    /** A multiple of 128, so that few threads have whole strips. */
    static int rowsOfChunk(int vocabulary) {
        long fitting = CHUNK_BYTES / ((long) Float.BYTES * Math.max(1, vocabulary));
        return (int) Math.clamp(fitting, FEWEST_ROWS, MOST_ROWS) / FEWEST_ROWS * FEWEST_ROWS;
    }

    private static Tensor narrowed(Team team, Tensor weight, Workspace scratch) {
        if (weight.dtype() == DType.BF16) {
            return weight;
        }
        Tensor half = scratch.take(DType.BF16, weight.shape());
        Floats from = Floats.of(weight);
        Floats to = Floats.of(half);
        team.elements(weight.size(), (begin, end) -> Floats.convert(from, begin, to, begin, end - begin));
        return half;
    }

    private static PackedMatrix packed(Workspace scratch, int k, int n, int chunk) {
        MemorySegment memory = scratch.take(DType.U8, PackedMatrix.bytes(k, n)).data();
        return new PackedMatrix(memory, k, n, Math.min(chunk, k));
    }

    @Override
    public MemorySegment logits() {
        return logits;
    }

    @Override
    public void project(Tensor hidden, CrossEntropy.Chunk c) {
        int width = c.width();
        Floats from = Floats.of(hidden);
        Floats to = new Floats(gathered, true);
        team.rows(c.count(), width, (begin, end) -> {
            for (long i = begin; i < end; i++) {
                Floats.convert(from, c.row(i) * width, to, i * width, width);
            }
        });
        matmul.multiply(
                new Bf16Matmul.Left(gathered, width, false),
                c.count(),
                forward,
                new Bf16Matmul.Target(logits, c.vocabulary(), false),
                false);
    }

    @Override
    public void gradients(
            CrossEntropy.Chunk c, float @Nullable [] factors, @Nullable Tensor dHidden, @Nullable Tensor dWeight) {
        int width = c.width();
        long vocabulary = c.vocabulary();
        float[] ofRows = Objects.requireNonNull(factors);
        for (int i = 0; i < c.count(); i++) {
            clearBehind(2 * i * vocabulary, vocabulary);
        }
        if (dWeight != null) {
            PackedMatrix h = new PackedMatrix(rowsOfHidden, c.count(), width, c.count());
            scaleRows(gathered, ofRows, c.count(), width); // G^T (f H) is (f G)^T H.
            matmul.fill(h, gathered, width, false);
            matmul.multiply(
                    new Bf16Matmul.Left(logits, 2 * vocabulary, true),
                    c.vocabulary(),
                    h,
                    new Bf16Matmul.Target(dWeight.data(), width, false),
                    true);
        }
        if (dHidden != null && backward != null) {
            matmul.multiply(
                    new Bf16Matmul.Left(logits, 2 * vocabulary, false),
                    c.count(),
                    backward,
                    new Bf16Matmul.Target(sums, width, false),
                    false);
            Floats from = new Floats(sums, false);
            Floats to = Floats.of(dHidden);
            team.rows(c.count(), width, (begin, end) -> {
                for (long i = begin; i < end; i++) {
                    Elementwise.scale(sums, ofRows[(int) i], i * width, (i + 1) * width);
                    Floats.convert(from, i * width, to, c.row(i) * width, width);
                }
            });
        }
    }

    private void scaleRows(MemorySegment half, float[] factors, int rows, int width) {
        Floats data = new Floats(half, true);
        team.rows(rows, width, (from, to) -> {
            float[] row = new float[width];
            for (long i = from; i < to; i++) {
                data.read(i * width, row, 0, width);
                for (int c = 0; c < width; c++) {
                    row[c] *= factors[(int) i];
                }
                data.write(row, 0, i * width, width);
            }
        });
    }

    /** Zeros behind a row of narrowed gradients, which are read with them where their number is odd. */
    private void clearBehind(long row, long vocabulary) {
        long padded = PackedMatrix.blocks((int) vocabulary) * (long) PackedMatrix.BLOCK;
        long bytes =
                Math.min(padded - vocabulary, vocabulary) * Short.BYTES; // No further than the row's own logits lay.
        logits.asSlice((row + vocabulary) * Short.BYTES, bytes).fill((byte) 0);
    }
}
