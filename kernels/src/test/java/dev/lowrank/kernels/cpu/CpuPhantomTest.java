package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The same calls on the device and on its phantom. */
class CpuPhantomTest {
    private static final int THREADS = 3;

    private final CpuKernels kernels = CpuKernels.open(THREADS);
    private final PhantomKernels phantom = kernels.phantom();
    private final Workspace memory = kernels.workspace();
    private final Workspace places = phantom.workspace();

    @AfterEach
    void close() {
        memory.close();
        places.close();
        kernels.close();
    }

    private interface Calls {
        void on(Kernels kernels, Workspace workspace);
    }

    private void onBoth(Calls calls) {
        calls.on(kernels, memory);
        calls.on(phantom, places);
    }

    private static Tensor zero(Kernels kernels, Workspace workspace, DType type, long... shape) {
        Tensor tensor = workspace.take(type, shape);
        kernels.zero(tensor);
        return tensor;
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void lossTakesTheSameFromItsScratch(DType type) {
        for (int rows : new int[] {1, 70, 700}) {
            for (int vocabulary : new int[] {50, 40_000}) {
                for (boolean gradient : new boolean[] {false, true}) {
                    onBoth((on, space) -> loss(on, space, type, rows, vocabulary, gradient));
                    assertThat(places.peak())
                            .as("%d rows, %d words, gradient %s", rows, vocabulary, gradient)
                            .isEqualTo(memory.peak());
                }
            }
        }
    }

    private static void loss(Kernels on, Workspace space, DType type, int rows, int vocabulary, boolean gradient) {
        long mark = space.mark();
        Tensor hidden = zero(on, space, DType.F32, rows, 32);
        Tensor weight = zero(on, space, type, vocabulary, 32);
        Tensor labels = space.take(DType.I32, rows);
        int[] ids = new int[rows];
        ids[0] = Kernels.IGNORED;
        on.upload(ids, labels);
        on.linearCrossEntropy(
                hidden, weight, new TokenLoss(labels, 1, null, 0), null, gradient ? hidden : null, null, space);
        space.release(mark);
    }

    @Test
    void lossWithAFrozenHeadTakesTheSame() {
        for (int rows : new int[] {1, 70, 700}) {
            for (boolean gradient : new boolean[] {false, true}) {
                onBoth((on, space) -> {
                    long mark = space.mark();
                    Packed head = on.packTable(zero(on, space, DType.BF16, 1300, 40), space);
                    Tensor hidden = zero(on, space, DType.BF16, rows, 40);
                    Tensor labels = space.take(DType.I32, rows);
                    on.upload(new int[rows], labels);
                    on.embedding(labels, head, hidden);
                    TokenLoss target = TokenLoss.of(labels);
                    on.linearCrossEntropy(hidden, head, target, null, gradient ? hidden : null, space);
                    space.release(mark);
                });
                assertThat(places.peak())
                        .as("%d rows, gradient %s", rows, gradient)
                        .isEqualTo(memory.peak());
            }
        }
        assertThat(kernels.ownBytes()).isBetween(phantom.ownBytes(), phantom.ownBytes() + 100_000);
    }

    @Test
    void productsOnBf16KeepTheSame() {
        onBoth((on, space) -> {
            Tensor x = zero(on, space, DType.BF16, 200, 96);
            Tensor half = zero(on, space, DType.BF16, 64, 96);
            Tensor single = zero(on, space, DType.F32, 16, 96);
            on.matmul(x, false, half, true, 1, 0, zero(on, space, DType.BF16, 200, 64));
            Tensor h = zero(on, space, DType.BF16, 200, 16);
            on.matmul(x, false, single, true, 1, 0, h);
            on.matmul(h, true, x, false, 0.5f, 1, zero(on, space, DType.F32, 16, 96));
            on.matmul(x, true, h, false, 0.5f, 1, zero(on, space, DType.F32, 96, 16));
        });
        assertThat(phantom.ownBytes()).isPositive();
        assertThat(kernels.ownBytes()).isBetween(phantom.ownBytes(), phantom.ownBytes() + 100_000);
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16"})
    void attentionKeepsNoMoreThanThePhantomSays(DType type) {
        int[] starts = {0, 700, 1000, 1003};
        onBoth((on, space) -> {
            Tensor q = zero(on, space, type, 1003, 6 * 40);
            Tensor k = zero(on, space, type, 1003, 2 * 40);
            Tensor v = zero(on, space, type, 1003, 2 * 40);
            Tensor out = zero(on, space, type, 1003, 6 * 40);
            Tensor lse = zero(on, space, DType.F32, 1003, 6);
            Sequences sequences = Sequences.ofStarts(starts);
            AttentionShape shape = new AttentionShape(6, 2, 0.1f, 0, 0);
            on.attention(q, k, v, sequences, shape, out, lse);
            Tensor dQ = zero(on, space, type, 1003, 6 * 40);
            Tensor dK = zero(on, space, type, 1003, 2 * 40);
            Tensor dV = zero(on, space, type, 1003, 2 * 40);
            on.attentionBackward(out, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        });
        assertThat(kernels.ownBytes()).isPositive().isLessThanOrEqualTo(phantom.ownBytes());
        assertThat(phantom.ownBytes()).isLessThan(2 * kernels.ownBytes() + (THREADS << 20));
    }

    @Test
    void frozenWeightsTakeTheSameAndSoDoProductsWithThem() {
        onBoth((on, space) -> {
            Packed weight = on.pack(zero(on, space, DType.BF16, 96, 70), space);
            Tensor x = zero(on, space, DType.BF16, 50, 70);
            Tensor h = zero(on, space, DType.BF16, 50, 5);
            Term term = new Term(h, zero(on, space, DType.F32, 96, 5), true, 2);
            on.matmul(x, weight, true, term, 0, zero(on, space, DType.BF16, 50, 96));
            on.unpack(weight, zero(on, space, DType.F32, 96, 70));
        });
        assertThat(places.peak()).isEqualTo(memory.peak());
        assertThat(kernels.ownBytes()).isBetween(phantom.ownBytes(), phantom.ownBytes() + 100_000);
    }

    @ParameterizedTest
    @CsvSource({"96, 64", "96, 70", "33, 64"})
    void weightsOfFourBitsAreUnpackedIntoTheSame(int rows, int columns) {
        onBoth((on, space) -> {
            Nf4 weight = Nf4.allocate(space, rows, columns, true);
            on.quantizeNf4(zero(on, space, DType.F32, rows, columns), weight);
            Tensor x = zero(on, space, DType.BF16, 50, columns);
            on.matmul(x, weight, true, null, 0, zero(on, space, DType.BF16, 50, rows));
        });
        assertThat(phantom.ownBytes()).isPositive();
        assertThat(kernels.ownBytes()).isBetween(phantom.ownBytes(), phantom.ownBytes() + 100_000);
    }

    /** Layers' own memory is part of no sum on the device, so the weight is large beside it. */
    @Test
    void aLayerOfFourBitsIsUnpackedIntoWhatThePhantomCounts() {
        onBoth((on, space) -> {
            Nf4 weight = Nf4.allocate(space, 1024, 4096, true);
            on.quantizeNf4(zero(on, space, DType.F32, 1024, 4096), weight);
            LowRankLayer layer = new LowRankLayer(
                    weight, false, zero(on, space, DType.F32, 2, 4096), zero(on, space, DType.F32, 1024, 2), 1);
            Tensor x = zero(on, space, DType.BF16, 50, 4096);
            Tensor h = zero(on, space, DType.BF16, 50, 2);
            on.lowRank(x, layer, null, h, zero(on, space, DType.BF16, 50, 1024));
        });
        assertThat(kernels.ownBytes()).isBetween(1024 * 4096 * 2L, phantom.ownBytes());
    }

    /** Each layer keeps its own unpacked, at the place that it has among those that read the same. */
    @Test
    void layersOfFourBitsThatReadTheSameAreUnpackedIntoWhatThePhantomCounts() {
        onBoth((on, space) -> {
            Tensor x = zero(on, space, DType.BF16, 50, 4096);
            on.lowRankBranches(x, List.of(fourBits(on, space, 1024), fourBits(on, space, 512)));
            on.lowRankBranches(x, List.of(fourBits(on, space, 256), fourBits(on, space, 768)));
        });
        assertThat(kernels.ownBytes()).isBetween((1024 + 768) * 4096 * 2L, phantom.ownBytes());
        assertThat(phantom.ownBytes()).isLessThan((1024 + 768) * 4096 * 2L + 10_000_000);
    }

    private static LowRankBranch fourBits(Kernels on, Workspace space, int out) {
        Nf4 weight = Nf4.allocate(space, out, 4096, true);
        on.quantizeNf4(zero(on, space, DType.F32, out, 4096), weight);
        LowRankLayer layer = new LowRankLayer(
                weight, false, zero(on, space, DType.F32, 2, 4096), zero(on, space, DType.F32, out, 2), 1);
        return new LowRankBranch(layer, zero(on, space, DType.BF16, 50, 2), zero(on, space, DType.BF16, 50, out));
    }

    @Test
    void peakIsOfAllWorkspacesThatWereOpenTogether() {
        places.take(1000);
        try (Workspace passing = phantom.workspace()) {
            passing.take(100);
        }
        try (Workspace passing = phantom.workspace()) {
            passing.take(10);
            assertThat(phantom.peakBytes()).isEqualTo(4032 + 448);
        }
        places.take(200);
        assertThat(phantom.peakBytes()).isEqualTo(4032 + 832);
    }

    @Test
    void nothingIsComputedAndItSaysSo() {
        assertThat(kernels.computes()).isTrue();
        assertThat(phantom.computes()).isFalse();
        assertThat(phantom.device()).isEqualTo(kernels.device());
        assertThat(phantom.multipliesBf16()).isEqualTo(kernels.multipliesBf16());
        float[] values = {1, 2};
        phantom.download(places.take(2), values, 0);
        assertThat(values).containsExactly(1, 2);
        assertThat(phantom.sumOfSquares(places.take(2))).isZero();
    }
}
