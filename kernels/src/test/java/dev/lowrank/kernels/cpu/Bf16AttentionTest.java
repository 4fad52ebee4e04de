package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the processor's own BF16 products must keep, besides the contract. */
class Bf16AttentionTest {
    @BeforeEach
    void needsInstructions() {
        assumeTrue(OneDnn.multipliesBf16(), "no BF16 instructions here");
    }

    @Test
    void compilesNothingForNewLengthsOnceWarm() {
        CompiledProduct product = new CompiledProduct();
        try (CpuKernels kernels = CpuKernels.open(
                        1, true, () -> new AttentionTools(product, ScorePasses.best(), RowPasses.best(), null));
                Workspace memory = kernels.workspace()) {
            AttentionShape shape = AttentionShape.causal(2, 1, 0.5f);
            // Rows of scores lie farther apart where the longest sequence is twice as long.
            for (int longest : new int[] {1, 600, 1200, 2500}) {
                for (int length = 1; length < 1200; length += 5) {
                    results(kernels, memory, shape, 8, longest, length);
                }
            }
            int made = product.size();
            Random random = new Random(9);
            for (int i = 0; i < 60; i++) {
                results(kernels, memory, shape, 8, 1 + random.nextInt(2500), 1 + random.nextInt(300));
            }
            assertThat(product.size()).isEqualTo(made).isLessThanOrEqualTo(350);
        }
    }

    /** Whole groups, groups cut in two, and one group for several threads. */
    @Test
    void givesTheSameBitsInEveryRunAndNearlyForEveryNumberOfThreads() {
        for (int[] lengths : new int[][] {{200, 301, 64, 7}, {700}, {90, 0, 5}}) {
            List<float[]> alone = results(1, lengths);
            for (int threads : new int[] {2, 3, 5}) {
                List<float[]> together = results(threads, lengths);
                List<float[]> again = results(threads, lengths);
                for (int i = 0; i < alone.size(); i++) {
                    assertThat(again.get(i)).as("result %d", i).isEqualTo(together.get(i));
                    if (i < 3) {
                        assertThat(together.get(i)).as("result %d", i).isEqualTo(alone.get(i));
                    } else {
                        // The order in which dK and dV are summed differs in fp32, so the last bit of BF16 may.
                        for (int j = 0; j < alone.get(i).length; j++) {
                            float expected = alone.get(i)[j];
                            assertThat(Math.abs(together.get(i)[j] - expected))
                                    .isLessThanOrEqualTo(Math.abs(expected) * 0x1p-7f + 1e-5f);
                        }
                    }
                }
            }
        }
    }

    /** Queries and keys so long that a score could be 6,000, where all are small: nothing may be lost below the smallest number. */
    @Test
    void scoresMayBeFarBelowWhatLengthsAllow() {
        int n = 70;
        int width = 32;
        float[] longQueries = new float[n * width];
        float[] longKeys = new float[n * width];
        Random random = new Random(4);
        float[] values = new float[n * width];
        for (int i = 0; i < n; i++) {
            longQueries[i * width] = 100;
            longQueries[i * width + 2] = 1;
            longKeys[i * width + 1] = 64;
            longKeys[i * width + 2] = i % 3;
            for (int c = 0; c < width; c++) {
                values[i * width + c] = (float) random.nextGaussian();
            }
        }
        try (CpuKernels kernels = CpuKernels.open(2);
                Workspace memory = kernels.workspace()) {
            Tensor[] in = new Tensor[3];
            for (int i = 0; i < 3; i++) {
                in[i] = memory.take(DType.BF16, n, width);
                kernels.upload(List.of(longQueries, longKeys, values).get(i), 0, in[i]);
            }
            Tensor out = memory.take(DType.BF16, n, width);
            Tensor lse = memory.take(n, 1);
            kernels.attention(
                    in[0],
                    in[1],
                    in[2],
                    Sequences.ofStarts(new int[] {0, n}),
                    AttentionShape.causal(1, 1, 1),
                    out,
                    lse);
            float[] results = new float[n * width];
            kernels.download(out, results, 0);
            float[] logarithms = new float[n];
            kernels.download(lse, logarithms, 0);
            for (int i = 0; i < n; i++) {
                double sum = 0;
                double[] expected = new double[width];
                for (int j = 0; j <= i; j++) {
                    double p = Math.exp(j % 3);
                    sum += p;
                    for (int c = 0; c < width; c++) {
                        expected[c] += p * values[j * width + c];
                    }
                }
                assertThat((double) logarithms[i]).isCloseTo(Math.log(sum), within(1e-4));
                for (int c = 0; c < width; c++) {
                    assertThat((double) results[i * width + c]).isCloseTo(expected[c] / sum, within(0.03));
                }
            }
        }
    }

    private static List<float[]> results(int threads, int... lengths) {
        try (CpuKernels kernels = CpuKernels.open(threads);
                Workspace memory = kernels.workspace()) {
            return results(kernels, memory, AttentionShape.causal(6, 2, 0.2f), 24, lengths);
        }
    }

    /** out, lse, dQ, dK and dV. */
    private static List<float[]> results(
            CpuKernels kernels, Workspace memory, AttentionShape shape, int width, int... lengths) {
        long mark = memory.mark();
        int[] starts = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            starts[i + 1] = starts[i] + lengths[i];
        }
        int n = starts[lengths.length];
        Random random = new Random(n);
        int queryColumns = shape.heads() * width;
        int keyColumns = shape.kvHeads() * width;
        Tensor q = random(kernels, memory, random, n, queryColumns);
        Tensor k = random(kernels, memory, random, n, keyColumns);
        Tensor v = random(kernels, memory, random, n, keyColumns);
        Tensor dOut = random(kernels, memory, random, n, queryColumns);
        Tensor out = memory.take(DType.BF16, n, queryColumns);
        Tensor lse = memory.take(n, shape.heads());
        Tensor dQ = memory.take(DType.BF16, n, queryColumns);
        Tensor dK = memory.take(DType.BF16, n, keyColumns);
        Tensor dV = memory.take(DType.BF16, n, keyColumns);
        Sequences sequences = Sequences.ofStarts(starts);
        kernels.attention(q, k, v, sequences, shape, out, lse);
        kernels.attentionBackward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        List<float[]> results = new ArrayList<>();
        for (Tensor tensor : Arrays.asList(out, lse, dQ, dK, dV)) {
            float[] values = new float[(int) tensor.size()];
            kernels.download(tensor, values, 0);
            results.add(values);
        }
        memory.release(mark);
        return results;
    }

    private static Tensor random(CpuKernels kernels, Workspace memory, Random random, int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Tensor tensor = memory.take(DType.BF16, rows, columns);
        kernels.upload(values, 0, tensor);
        return tensor;
    }
}
