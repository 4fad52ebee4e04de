package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * What every implementation must do. Results are compared with {@link Reference}; a tolerance is a part of the largest
 * expected magnitude, a few fp32 roundings (6e-8) times the root of the terms in a sum.
 */
public abstract class KernelsContract extends KernelsFixture {
    // --- memory ---

    @Test
    void uploadsAndDownloadsAtAnOffset() {
        Tensor tensor = memory.take(2, 3);
        kernels.upload(new float[] {9, 1, 2, 3, 4, 5, 6, 9}, 1, tensor);
        float[] target = new float[8];
        kernels.download(tensor, target, 2);
        assertThat(target).containsExactly(0, 0, 1, 2, 3, 4, 5, 6);
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.upload(new float[6], 1, tensor));
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.download(tensor, new float[5], 0));
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.upload(new int[6], tensor));
    }

    @Test
    void givesTheSameMemoryAgainAfterRelease() {
        long bottom = memory.mark();
        takeMuch();
        long reserved = memory.reservedBytes();
        memory.release(bottom);
        for (int i = 0; i < 3; i++) {
            takeMuch();
            memory.release(bottom);
        }
        assertThat(memory.reservedBytes()).isEqualTo(reserved);
        assertThat(memory.mark()).isEqualTo(bottom);
    }

    private void takeMuch() {
        memory.take(100);
        memory.take(DType.I32, 7, 3);
        memory.take(3, 200_000);
        memory.take(0, 5);
        memory.take(1_000_001);
        memory.take(13);
        memory.take(400_000);
        memory.take(2_000_003);
    }

    @Test
    void keepsWhatLiesBelowAMark() {
        Tensor kept = tensor(1, 2, 3);
        long mark = memory.mark();
        memory.take(300_000);
        memory.release(mark);
        kernels.zero(memory.take(300_000));
        assertThat(read(kept)).containsExactly(1, 2, 3);
    }

    @Test
    void neverLetsTwoTensorsOverlap() {
        Tensor[] tensors = new Tensor[60];
        for (int i = 0; i < tensors.length; i++) {
            tensors[i] = memory.take(1 + random.nextInt(60_000));
        }
        for (int i = 0; i < tensors.length; i++) {
            float[] fill = new float[Math.toIntExact(tensors[i].size())];
            Arrays.fill(fill, i);
            kernels.upload(fill, 0, tensors[i]);
        }
        for (int i = 0; i < tensors.length; i++) {
            assertThat(read(tensors[i])).containsOnly(i);
        }
    }

    @Test
    void refusesAMarkThatIsNone() {
        memory.take(10);
        long mark = memory.mark();
        memory.take(1000);
        long top = memory.mark();
        assertThatIllegalArgumentException().isThrownBy(() -> memory.release(mark + 1));
        assertThatIllegalArgumentException().isThrownBy(() -> memory.release(top + 64));
        assertThatIllegalArgumentException().isThrownBy(() -> memory.release(-1));
        memory.release(mark);
        assertThatIllegalArgumentException().isThrownBy(() -> memory.release(top));
    }

    @Test
    void refusesTensorsOfAClosedWorkspace() {
        Workspace other = kernels.workspace();
        Tensor lost = other.take(4);
        other.close();
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.scale(lost, 2));
    }

    // --- whole tensors ---

    @Test
    void copiesZeroesScalesAndAdds() {
        for (int size : new int[] {1, 3, 16, 65, 207, 100_003}) {
            float[] x = reals(size);
            float[] y = reals(size);
            Tensor a = stored(x);
            Tensor b = stored(y);
            Tensor out = memory.take(activations(), size);
            kernels.add(a, b, out);
            float[] sum = read(out);
            kernels.copy(a, out);
            kernels.scale(out, -1.5f);
            float[] scaled = read(out);
            kernels.add(a, b, b);
            for (int i = 0; i < size; i++) {
                y[i] += x[i];
            }
            assertThat(sum).isEqualTo(held(y));
            for (int i = 0; i < size; i++) {
                y[i] = x[i] * -1.5f;
            }
            assertThat(scaled).isEqualTo(held(y));
            assertThat(read(b)).isEqualTo(sum);
            kernels.zero(b);
            assertThat(read(b)).containsOnly(0);
            assertThat(read(a)).isEqualTo(x);
        }
    }

    @Test
    void touchesNothingBesideItsTensor() {
        Tensor whole = stored(random(1000));
        float[] before = read(whole);
        Tensor part = whole.slice(13, 207);
        kernels.zero(part);
        kernels.scale(part, 3);
        kernels.add(part, part, part);
        kernels.copy(stored(random(207)), part);
        float[] after = read(whole);
        for (int i = 0; i < 1000; i++) {
            if (i < 13 || i >= 220) {
                assertThat(after[i]).isEqualTo(before[i]);
            }
        }
    }

    @Test
    void sumsSquaresInDouble() {
        for (int size : new int[] {1, 2, 7, 65, 16_384, 16_385, 300_001}) {
            float[] x = random(size);
            x[size / 2] = 3e4f;
            held(x);
            double expected = dot(doubles(x), doubles(x));
            assertThat(kernels.sumOfSquares(stored(x))).isCloseTo(expected, within(1e-13 * size * expected));
        }
        assertThat(kernels.sumOfSquares(tensor(1e25f, 1e25f))).isCloseTo(2e50, within(1e44));
    }

    @Test
    void findsTheOneValueThatIsNotFinite() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (int place : new int[] {0, 1, 17, 50_000, 100_002}) {
                float[] x = reals(100_003);
                x[1] = 0x1.FEp127f; // The largest and the smallest in BF16.
                x[2] = 0x1p-133f;
                assertThat(kernels.allFinite(stored(x))).isTrue();
                x[place] = bad;
                assertThat(kernels.allFinite(stored(x))).isFalse();
            }
        }
    }

    // --- products ---

    @Test
    void multipliesMatricesOfOddSizes() {
        int[] sizes = {1, 2, 7, 13, 65};
        for (int m : sizes) {
            for (int n : sizes) {
                for (int k : sizes) {
                    checkProduct(m, n, k, 1, 0);
                }
            }
        }
    }

    @Test
    void multipliesMatricesLargeEnoughToDivide() {
        checkProduct(207, 130, 64, 1, 1);
        checkProduct(65, 515, 33, 0.5f, 1);
        checkProduct(515, 65, 33, -2, 0);
        checkProduct(1, 2049, 207, 1, 0);
        checkProduct(2049, 1, 207, 1, 0.5f);
        checkProduct(16, 333, 999, 1, 1);
    }

    private void checkProduct(int m, int n, int k, float alpha, float beta) {
        long mark = memory.mark();
        float[] a = random(m * k);
        float[] b = random(k * n);
        float[] c = random(m * n);
        if (beta == 0) {
            Arrays.fill(c, Float.NaN);
        }
        for (int transposes = 0; transposes < 4; transposes++) {
            boolean ta = (transposes & 1) != 0;
            boolean tb = (transposes & 2) != 0;
            Tensor out = tensor(c).reshape(m, n);
            kernels.matmul(
                    tensor(a).reshape(ta ? k : m, ta ? m : k),
                    ta,
                    tensor(b).reshape(tb ? n : k, tb ? k : n),
                    tb,
                    alpha,
                    beta,
                    out);
            double[] expected = Reference.matmul(doubles(a), ta, doubles(b), tb, alpha, beta, doubles(c), m, n, k);
            assertClose("%dx%dx%d %b %b".formatted(m, n, k, ta, tb), read(out), expected, sumOf(k));
        }
        memory.release(mark);
    }

    @Test
    void multipliesOverNothing() {
        Tensor out = tensor(1, 2, 3, 4).reshape(2, 2);
        kernels.matmul(memory.take(2, 0), false, memory.take(0, 2), false, 1, 0.5f, out);
        assertThat(read(out)).containsExactly(0.5f, 1, 1.5f, 2);
        kernels.matmul(memory.take(2, 0), false, memory.take(0, 2), false, 1, 0, out);
        assertThat(read(out)).containsOnly(0);
        kernels.matmul(memory.take(0, 3), false, memory.take(3, 2), false, 1, 0, memory.take(0, 2));
    }

    @Test
    void readsLaterAxesAsColumns() {
        Tensor out = memory.take(2, 2, 1);
        kernels.matmul(
                tensor(1, 2, 3, 4, 5, 6).reshape(2, 3),
                false,
                tensor(1, 0, 0, 1, 1, 1).reshape(3, 1, 2),
                false,
                1,
                0,
                out);
        assertThat(read(out)).containsExactly(4, 5, 10, 11);
    }

    // --- embedding ---

    @Test
    void looksRowsUpAndAddsThemBack() {
        for (int width : SIZES) {
            int[] ids = {3, 0, 3, 10, 3};
            float[] table = reals(11 * width);
            Tensor out = memory.take(activations(), 5, width);
            Tensor idTensor = ints(ids);
            kernels.embedding(idTensor, stored(table).reshape(11, width), out);
            float[] rows = read(out);
            float[] expected = table.clone();
            for (int n = 0; n < 5; n++) {
                for (int c = 0; c < width; c++) {
                    assertThat(rows[n * width + c]).isEqualTo(table[ids[n] * width + c]);
                    expected[ids[n] * width + c] += rows[n * width + c];
                }
            }
            Tensor dTable = tensor(table).reshape(11, width);
            kernels.embeddingBackward(idTensor, out, dTable);
            assertThat(read(dTable)).isEqualTo(expected);
        }
    }

    @Test
    void refusesIdsOutsideTheTable() {
        Tensor table = memory.take(4, 2);
        for (int bad : new int[] {-1, 4, -100}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.embedding(ints(0, bad), table, memory.take(2, 2)))
                    .withMessageContaining("ids[1] is " + bad);
        }
    }

    // --- dropout ---

    @Test
    void dropsAboutTheRateAndScalesTheRest() {
        int size = 100_003;
        float[] ones = new float[size];
        Arrays.fill(ones, 1);
        Tensor x = stored(ones);
        Tensor out = memory.take(activations(), size);
        for (float rate : new float[] {0.05f, 0.5f, 0.9f}) {
            kernels.dropout(x, rate, 42, false, out);
            float kept = held(1 / (1 - rate))[0];
            int strange = 0;
            int dropped = 0;
            int pairs = 0;
            float[] values = read(out);
            for (int i = 0; i < size; i++) {
                strange += values[i] == 0 || Math.abs(values[i] - kept) < 1e-5 ? 0 : 1;
                dropped += values[i] == 0 ? 1 : 0;
                pairs += i > 0 && values[i] == 0 && values[i - 1] == 0 ? 1 : 0;
            }
            assertThat(strange).isZero();
            assertThat(dropped / (double) size).isCloseTo(rate, within(5 * Math.sqrt(rate * (1 - rate) / size)));
            assertThat(pairs / (double) size).isCloseTo(rate * rate, within(8 * rate / Math.sqrt(size)));
        }
    }

    @Test
    void dropsTheSameElementsForTheSameKeyOnly() {
        float[] values = reals(1_100_000); // More than 2^20 elements.
        Tensor x = stored(values);
        Tensor first = memory.take(activations(), values.length);
        Tensor second = memory.take(activations(), values.length);
        kernels.dropout(x, 0.5f, 1, false, first);
        kernels.dropout(x, 0.5f, 1, false, second);
        assertThat(read(second)).isEqualTo(read(first));
        kernels.dropout(x, 0.5f, 1, true, second);
        float[] once = read(first);
        float[] twice = read(second);
        for (int i = 0; i < once.length; i++) {
            if (twice[i] != 2 * once[i]) {
                assertThat(twice[i]).as("element %d", i).isEqualTo(2 * once[i]);
            }
        }
        kernels.dropout(x, 0.5f, 2, false, second);
        float[] other = read(second);
        int agreeing = 0;
        for (int i = 0; i < other.length; i++) {
            agreeing += (other[i] == 0) == (once[i] == 0) ? 1 : 0;
        }
        assertThat(agreeing / (double) other.length).isCloseTo(0.5, within(0.005));
    }

    @Test
    void dropsTheElementsThatEveryDeviceDrops() {
        float[] ones = new float[(1 << 20) + 207];
        Arrays.fill(ones, 1);
        Tensor out = memory.take(activations(), ones.length);
        for (long key : new long[] {0, -5, 0x123456789ABCDEFL}) {
            kernels.dropout(stored(ones), 0.25f, key, false, out);
            float[] expected = new float[ones.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = Reference.keeps(key, i, 0.25f) ? 1 / 0.75f : 0;
            }
            assertThat(Arrays.mismatch(read(out), held(expected))).isEqualTo(-1);
        }
    }

    @Test
    void dropsByPlaceNotBySize() {
        float[] values = reals(70_000);
        Tensor whole = memory.take(activations(), values.length);
        kernels.dropout(stored(values), 0.3f, 9, false, whole);
        float[] expected = read(whole);
        for (int size : SIZES) {
            Tensor part = memory.take(activations(), size);
            kernels.dropout(stored(Arrays.copyOf(values, size)), 0.3f, 9, false, part);
            assertThat(read(part)).isEqualTo(Arrays.copyOf(expected, size));
        }
    }

    @Test
    void dropsNothingAtRateZeroAndRefusesRateOne() {
        float[] values = reals(207);
        Tensor x = stored(values);
        kernels.dropout(x, 0, 3, false, x);
        assertThat(read(x)).isEqualTo(values);
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.dropout(x, 1, 3, false, x));
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.dropout(x, -0.1f, 3, false, x));
    }

    // --- optimizer ---

    @Test
    void updatesAsAdamW() {
        for (int size : new int[] {1, 13, 64, 207, 40_001}) {
            float[] p = random(size);
            double[] expectedP = doubles(p);
            double[] expectedM = new double[size];
            double[] expectedV = new double[size];
            Tensor parameter = tensor(p);
            Tensor m = zeros(size);
            Tensor v = zeros(size);
            for (int t = 1; t <= 4; t++) {
                AdamWStep step = new AdamWStep(t, 1e-2, 0.9, 0.999, 1e-8, 0.1);
                float[] g = random(size);
                kernels.adamW(parameter, tensor(g), m, v, step);
                Reference.adamW(expectedP, doubles(g), expectedM, expectedV, step);
            }
            assertClose("m", read(m), expectedM, EXACT);
            assertClose("v", read(v), expectedV, EXACT);
            assertClose("p", read(parameter), expectedP, EXACT);
        }
    }

    @Test
    void adamWMovesAParameterByTheRateAtTheFirstStep() {
        Tensor p = tensor(0, 0, 0);
        kernels.adamW(p, tensor(5, -1e-4f, 0), zeros(3), zeros(3), new AdamWStep(1, 0.01, 0.9, 0.999, 1e-12, 0));
        assertClose("p", read(p), new double[] {-0.01, 0.01, 0}, 1e-6);
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> kernels.adamW(p, p, zeros(3), zeros(3), new AdamWStep(0, 0.01, 0.9, 0.999, 1e-12, 0)));
    }

    // --- all together ---

    @Test
    void givesTheSameBitsEveryTime() {
        float[] first = everything(kernels);
        try (Kernels other = open()) {
            assertThat(everything(other)).isEqualTo(first);
        }
        assertThat(everything(kernels)).isEqualTo(first);
    }

    private float[] everything(Kernels on) {
        random = new Random(11);
        try (Workspace space = on.workspace()) {
            Workspace outer = memory;
            Kernels outerKernels = kernels;
            memory = space;
            kernels = on;
            Sequences sequences = Sequences.ofStarts(starts(65, 142));
            Tensor x = tensor(random(207 * 64)).reshape(207, 64);
            Tensor w = tensor(random(64 * 64)).reshape(64, 64);
            Tensor y = memory.take(207, 64);
            Tensor rstd = memory.take(207);
            Tensor q = memory.take(207, 64);
            Tensor out = memory.take(207, 64);
            Tensor lse = memory.take(207, 4);
            Tensor dx = memory.take(207, 64);
            Tensor dq = memory.take(207, 64);
            Tensor dk = memory.take(207, 32);
            Tensor dv = memory.take(207, 32);
            Tensor kv = tensor(random(207 * 32)).reshape(207, 32);
            Tensor vocabulary = tensor(random(999 * 64)).reshape(999, 64);
            Tensor dVocabulary = zeros(999, 64);
            int[] labels = new int[207];
            for (int i = 0; i < labels.length; i++) {
                labels[i] = random.nextInt(999);
            }
            on.rmsNorm(x, w.slice(0, 1).reshape(64), 0, 1e-6f, y, rstd);
            on.matmul(y, false, w, true, 1, 0, q);
            AttentionShape shape = AttentionShape.causal(4, 2, 0.25f);
            on.attention(q, kv, kv, sequences, shape, out, lse);
            on.gated(Activation.SILU, out, q, out);
            LossSum sum =
                    on.linearCrossEntropy(out, vocabulary, TokenLoss.of(ints(labels)), null, dx, dVocabulary, memory);
            on.attentionBackward(dx, q, kv, kv, out, lse, sequences, shape, dq, dk, dv);
            on.dropout(dq, 0.1f, 5, true, dq);
            Tensor[] results = {y, q, out, lse, dx, dVocabulary, dq, dk, dv};
            float[] all = {(float) sum.loss(), (float) on.sumOfSquares(dq)};
            for (Tensor result : results) {
                float[] part = read(result);
                int at = all.length;
                all = Arrays.copyOf(all, at + part.length);
                System.arraycopy(part, 0, all, at, part.length);
            }
            memory = outer;
            kernels = outerKernels;
            return all;
        }
    }

    @Test
    void refusesShapesThatDoNotFit() {
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Tensor v = zeros(7);
        Tensor ids = ints(0, 1);
        AdamWStep step = new AdamWStep(1, 1, 0.9, 0.9, 1e-8, 0);
        Runnable[] calls = {
            () -> kernels.upload(new float[7], 0, ids),
            () -> kernels.download(ids, new float[7], 0),
            () -> kernels.copy(a, b),
            () -> kernels.copy(ids, zeros(2)),
            () -> kernels.scale(ids, 1),
            () -> kernels.add(a, a, b),
            () -> kernels.add(a, b, a),
            () -> kernels.sumOfSquares(ids),
            () -> kernels.allFinite(ids),
            () -> kernels.matmul(a, false, b, false, 1, 0, zeros(2, 5)),
            () -> kernels.matmul(a, false, zeros(3, 5), false, 1, 0, zeros(5, 2)),
            () -> kernels.matmul(a, true, zeros(3, 5), false, 1, 0, zeros(2, 5)),
            () -> kernels.embedding(ids, b, zeros(2, 4)),
            () -> kernels.embedding(a, b, zeros(6, 5)),
            () -> kernels.embeddingBackward(ids, zeros(3, 5), b),
            () -> kernels.embeddingBackward(ids, zeros(2, 5), memory.take(DType.BF16, 4, 5)),
            () -> kernels.add(a, a, memory.take(DType.BF16, 4, 5)),
            () -> kernels.scale(memory.take(DType.U8, 3), 1),
            () -> kernels.dropout(a, 0.1f, 1, false, b),
            () -> kernels.adamW(a, b, a, a, step),
            () -> kernels.adamW(a, a, b, a, step),
            () -> kernels.adamW(a, a, a, b, step),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }

    @Test
    void namesItsDevice() {
        assertThat(kernels.device()).isNotBlank();
    }
}
