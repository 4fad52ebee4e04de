package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static dev.lowrank.kernels.Numbers.gradient;
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
            float[] x = random(size);
            float[] y = random(size);
            Tensor a = tensor(x);
            Tensor b = tensor(y);
            Tensor out = memory.take(size);
            kernels.add(a, b, out);
            float[] sum = read(out);
            kernels.copy(a, out);
            kernels.scale(out, -1.5f);
            float[] scaled = read(out);
            kernels.add(a, b, b);
            for (int i = 0; i < size; i++) {
                y[i] += x[i];
            }
            assertThat(sum).isEqualTo(y);
            for (int i = 0; i < size; i++) {
                y[i] = x[i] * -1.5f;
            }
            assertThat(scaled).isEqualTo(y);
            assertThat(read(b)).isEqualTo(sum);
            kernels.zero(b);
            assertThat(read(b)).containsOnly(0);
            assertThat(read(a)).isEqualTo(x);
        }
    }

    @Test
    void touchesNothingBesideItsTensor() {
        Tensor whole = tensor(random(1000));
        float[] before = read(whole);
        Tensor part = whole.slice(13, 207);
        kernels.zero(part);
        kernels.scale(part, 3);
        kernels.add(part, part, part);
        kernels.copy(tensor(random(207)), part);
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
            double expected = dot(doubles(x), doubles(x));
            assertThat(kernels.sumOfSquares(tensor(x))).isCloseTo(expected, within(1e-13 * size * expected));
        }
        assertThat(kernels.sumOfSquares(tensor(1e25f, 1e25f))).isCloseTo(2e50, within(1e44));
    }

    @Test
    void findsTheOneValueThatIsNotFinite() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (int place : new int[] {0, 1, 17, 50_000, 100_002}) {
                float[] x = random(100_003);
                x[1] = Float.MAX_VALUE;
                x[2] = Float.MIN_VALUE;
                assertThat(kernels.allFinite(tensor(x))).isTrue();
                x[place] = bad;
                assertThat(kernels.allFinite(tensor(x))).isFalse();
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
            float[] table = random(11 * width);
            Tensor out = memory.take(5, width);
            Tensor idTensor = ints(ids);
            kernels.embedding(idTensor, tensor(table).reshape(11, width), out);
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

    // --- positions ---

    @Test
    void turnsPairsByTheirPositionAndBack() {
        for (int width : new int[] {2, 6, 32, 34, 64, 128}) {
            for (int heads : new int[] {1, 3}) {
                int[] positions = {0, 5, 1, 1, 10, 3, 9};
                float[] cos = random(11 * width / 2);
                float[] sin = random(11 * width / 2);
                for (int i = 0; i < cos.length; i++) {
                    double angle = random.nextDouble() * 7;
                    cos[i] = (float) Math.cos(angle);
                    sin[i] = (float) Math.sin(angle);
                }
                float[] values = random(7 * heads * width);
                Tensor x = tensor(values).reshape(7, (long) heads * width);
                Tensor cosines = tensor(cos).reshape(11, width / 2);
                Tensor sines = tensor(sin).reshape(11, width / 2);
                kernels.rope(x, heads, ints(positions), cosines, sines, false);
                double[] expected =
                        Reference.rope(doubles(values), heads, width, positions, doubles(cos), doubles(sin), false);
                assertClose("turned", read(x), expected, EXACT);
                kernels.rope(x, heads, ints(positions), cosines, sines, true);
                assertClose("turned back", read(x), doubles(values), 2 * EXACT);
            }
        }
    }

    @Test
    void positionGradientsMatchDifferences() {
        int[] positions = {2, 0, 1};
        double[] cos = doubles(random(9));
        double[] sin = doubles(random(9));
        double[] x = doubles(random(3 * 6));
        double[] dy = doubles(random(3 * 6));
        assertClose(
                "dx",
                Reference.rope(dy, 1, 6, positions, cos, sin, true),
                gradient(at -> dot(dy, Reference.rope(at, 1, 6, positions, cos, sin, false)), x),
                1e-6);
    }

    @Test
    void refusesPositionsBeyondTheTables() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.rope(memory.take(2, 8), 2, ints(0, 4), zeros(4, 2), zeros(4, 2), false))
                .withMessageContaining("positions[1] is 4");
    }

    // --- attention ---

    @Test
    void attendsWithGroupedHeadsInRaggedSequences() {
        checkAttention(starts(1), starts(1), 1, 1, 2);
        checkAttention(starts(3, 1, 7), starts(3, 1, 7), 2, 1, 7);
        checkAttention(starts(13, 64, 65, 2), starts(13, 64, 65, 2), 4, 2, 16);
        checkAttention(starts(207), starts(207), 3, 3, 13);
        checkAttention(starts(65, 130), starts(65, 130), 6, 2, 64);
        checkAttention(starts(0, 5, 0), starts(0, 5, 0), 2, 2, 8);
    }

    @Test
    void attendsFromTheLastRowsOfLongerKeys() {
        checkAttention(starts(1, 1, 3), starts(1, 65, 207), 4, 2, 16);
        checkAttention(starts(70), starts(207), 2, 1, 13);
        checkAttention(starts(0, 1), starts(9, 4), 2, 1, 4);
    }

    private void checkAttention(int[] queryStarts, int[] keyStarts, int heads, int kvHeads, int width) {
        Sequences sequences = new Sequences(queryStarts, keyStarts);
        int n = queryStarts[queryStarts.length - 1];
        int m = keyStarts[keyStarts.length - 1];
        float[] q = random(n * heads * width);
        float[] k = random(m * kvHeads * width);
        float[] v = random(m * kvHeads * width);
        float scale = (float) (1 / Math.sqrt(width));
        Tensor tq = tensor(q).reshape(n, (long) heads * width);
        Tensor tk = tensor(k).reshape(m, (long) kvHeads * width);
        Tensor tv = tensor(v).reshape(m, (long) kvHeads * width);
        Tensor out = nans(n, heads * width);
        Tensor lse = nans(n, heads);
        kernels.attention(tq, tk, tv, sequences, heads, kvHeads, scale, out, lse);
        Reference.Attended expected =
                Reference.attention(doubles(q), doubles(k), doubles(v), sequences, heads, kvHeads, width, scale);
        assertClose("out", read(out), expected.out(), 2e-6);
        assertClose("lse", read(lse), expected.lse(), 1e-6);

        Tensor again = nans(n, heads * width);
        kernels.attention(tq, tk, tv, sequences, heads, kvHeads, scale, again, null);
        assertThat(read(again)).isEqualTo(read(out));

        if (!Arrays.equals(queryStarts, keyStarts)) {
            return;
        }
        float[] dOut = random(n * heads * width);
        Tensor dQ = nans(n, heads * width);
        Tensor dK = nans(m, kvHeads * width);
        Tensor dV = nans(m, kvHeads * width);
        kernels.attentionBackward(
                tensor(dOut).reshape(n, (long) heads * width),
                tq,
                tk,
                tv,
                out,
                lse,
                sequences,
                heads,
                kvHeads,
                scale,
                dQ,
                dK,
                dV);
        Reference.AttentionGradient gradient = Reference.attentionBackward(
                doubles(dOut), doubles(q), doubles(k), doubles(v), sequences, heads, kvHeads, width, scale);
        assertClose("dQ", read(dQ), gradient.dQ(), 4e-6, 1);
        assertClose("dK", read(dK), gradient.dK(), 4e-6, 1);
        assertClose("dV", read(dV), gradient.dV(), 4e-6, 1);
    }

    @Test
    void attentionGradientsMatchDifferences() {
        Sequences sequences = Sequences.ofStarts(starts(4, 3));
        double[] q = doubles(random(7 * 4 * 3));
        double[] k = doubles(random(7 * 2 * 3));
        double[] v = doubles(random(7 * 2 * 3));
        double[] dOut = doubles(random(7 * 4 * 3));
        Reference.AttentionGradient analytic = Reference.attentionBackward(dOut, q, k, v, sequences, 4, 2, 3, 0.5);
        assertClose(
                "dQ",
                analytic.dQ(),
                gradient(
                        at -> dot(
                                dOut,
                                Reference.attention(at, k, v, sequences, 4, 2, 3, 0.5)
                                        .out()),
                        q),
                1e-6);
        assertClose(
                "dK",
                analytic.dK(),
                gradient(
                        at -> dot(
                                dOut,
                                Reference.attention(q, at, v, sequences, 4, 2, 3, 0.5)
                                        .out()),
                        k),
                1e-6);
        assertClose(
                "dV",
                analytic.dV(),
                gradient(
                        at -> dot(
                                dOut,
                                Reference.attention(q, k, at, sequences, 4, 2, 3, 0.5)
                                        .out()),
                        v),
                1e-6);
    }

    @Test
    void attentionSurvivesScoresFarApart() {
        float[] q = random(20 * 8);
        for (int i = 0; i < q.length; i++) {
            q[i] *= 300;
        }
        float[] k = random(20 * 8);
        float[] v = random(20 * 8);
        Sequences sequences = Sequences.ofStarts(starts(20));
        Tensor out = memory.take(20, 8);
        kernels.attention(
                tensor(q).reshape(20, 8),
                tensor(k).reshape(20, 8),
                tensor(v).reshape(20, 8),
                sequences,
                1,
                1,
                1,
                out,
                null);
        double[] expected = Reference.attention(doubles(q), doubles(k), doubles(v), sequences, 1, 1, 8, 1)
                .out();
        assertClose("out", read(out), expected, 1e-3);
    }

    // --- dropout ---

    @Test
    void dropsAboutTheRateAndScalesTheRest() {
        int size = 100_003;
        float[] ones = new float[size];
        Arrays.fill(ones, 1);
        Tensor x = tensor(ones);
        Tensor out = memory.take(size);
        for (float rate : new float[] {0.05f, 0.5f, 0.9f}) {
            kernels.dropout(x, rate, 42, false, out);
            int strange = 0;
            int dropped = 0;
            int pairs = 0;
            float[] values = read(out);
            for (int i = 0; i < size; i++) {
                strange += values[i] == 0 || Math.abs(values[i] - 1 / (1 - rate)) < 1e-5 ? 0 : 1;
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
        float[] values = random(1_100_000); // More than 2^20 elements.
        Tensor x = tensor(values);
        Tensor first = memory.take(values.length);
        Tensor second = memory.take(values.length);
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
        Tensor out = memory.take(ones.length);
        for (long key : new long[] {0, -5, 0x123456789ABCDEFL}) {
            kernels.dropout(tensor(ones), 0.25f, key, false, out);
            float[] expected = new float[ones.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = Reference.keeps(key, i, 0.25f) ? 1 / 0.75f : 0;
            }
            assertThat(Arrays.mismatch(read(out), expected)).isEqualTo(-1);
        }
    }

    @Test
    void dropsByPlaceNotBySize() {
        float[] values = random(70_000);
        Tensor whole = memory.take(values.length);
        kernels.dropout(tensor(values), 0.3f, 9, false, whole);
        float[] expected = read(whole);
        for (int size : SIZES) {
            Tensor part = memory.take(size);
            kernels.dropout(tensor(Arrays.copyOf(values, size)), 0.3f, 9, false, part);
            assertThat(read(part)).isEqualTo(Arrays.copyOf(expected, size));
        }
    }

    @Test
    void dropsNothingAtRateZeroAndRefusesRateOne() {
        float[] values = random(207);
        Tensor x = tensor(values);
        kernels.dropout(x, 0, 3, false, x);
        assertThat(read(x)).isEqualTo(values);
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.dropout(x, 1, 3, false, x));
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.dropout(x, -0.1f, 3, false, x));
    }

    // --- loss ---

    @Test
    void sumsTheLossOfTrainedRowsAndItsGradients() {
        checkCrossEntropy(1, 1, 3, 1);
        checkCrossEntropy(7, 13, 65, 0.25f);
        checkCrossEntropy(65, 64, 207, 1f / 65);
        checkCrossEntropy(1300, 7, 31, 0.01f); // More than one chunk.
    }

    private void checkCrossEntropy(int rows, int width, int vocabulary, float scale) {
        float[] hidden = random(rows * width);
        float[] weight = random(vocabulary * width);
        float[] old = random(vocabulary * width);
        int[] labels = new int[rows];
        for (int n = 0; n < rows; n++) {
            labels[n] = n % 3 == 1 ? Kernels.IGNORED : random.nextInt(vocabulary);
        }
        Tensor h = tensor(hidden).reshape(rows, width);
        Tensor w = tensor(weight).reshape(vocabulary, width);
        Tensor dHidden = nans(rows, width);
        Tensor dWeight = tensor(old).reshape(vocabulary, width);
        long mark = memory.mark();
        LossSum sum = kernels.linearCrossEntropy(h, w, ints(labels), scale, dHidden, dWeight, memory);
        Reference.Entropy expected =
                Reference.linearCrossEntropy(doubles(hidden), doubles(weight), labels, scale, width);
        assertThat(sum.loss())
                .isCloseTo(expected.sum().loss(), within(1e-6 * expected.sum().loss()));
        assertThat(sum.tokens()).isEqualTo(expected.sum().tokens());
        assertThat(sum.correct()).isEqualTo(expected.sum().correct());
        assertClose("dHidden", read(dHidden), expected.dHidden(), sumOf(vocabulary));
        assertClose("dWeight", read(dWeight), plus(expected.dWeight(), old), sumOf(rows));

        LossSum lossOnly = kernels.linearCrossEntropy(h, w, ints(labels), scale, null, null, memory);
        assertThat(lossOnly).isEqualTo(sum);
        Tensor alone = nans(rows, width);
        kernels.linearCrossEntropy(h, w, ints(labels), scale, alone, null, memory);
        assertThat(read(alone)).isEqualTo(read(dHidden));
        assertThat(memory.mark()).isGreaterThan(mark);
    }

    @Test
    void lossGradientsMatchDifferences() {
        int[] labels = {2, Kernels.IGNORED, 0, 4};
        double[] hidden = doubles(random(4 * 3));
        double[] weight = doubles(random(5 * 3));
        Reference.Entropy analytic = Reference.linearCrossEntropy(hidden, weight, labels, 0.5, 3);
        assertClose(
                "dHidden",
                analytic.dHidden(),
                gradient(
                        at -> 0.5
                                * Reference.linearCrossEntropy(at, weight, labels, 0.5, 3)
                                        .sum()
                                        .loss(),
                        hidden),
                1e-6);
        assertClose(
                "dWeight",
                analytic.dWeight(),
                gradient(
                        at -> 0.5
                                * Reference.linearCrossEntropy(hidden, at, labels, 0.5, 3)
                                        .sum()
                                        .loss(),
                        weight),
                1e-6);
    }

    @Test
    void leavesScratchAsItFoundIt() {
        Tensor hidden = tensor(random(20)).reshape(4, 5);
        Tensor weight = tensor(random(30)).reshape(6, 5);
        Tensor labels = ints(0, 1, 2, 3);
        Workspace scratch = kernels.workspace();
        scratch.take(3);
        long mark = scratch.mark();
        kernels.linearCrossEntropy(hidden, weight, labels, 1, null, null, scratch);
        assertThat(scratch.mark()).isEqualTo(mark);
        scratch.close();
    }

    @Test
    void countsNothingWhereNothingIsTrained() {
        Tensor dHidden = nans(2, 3);
        LossSum sum = kernels.linearCrossEntropy(
                zeros(2, 3), zeros(4, 3), ints(Kernels.IGNORED, Kernels.IGNORED), 1, dHidden, zeros(4, 3), memory);
        assertThat(sum).isEqualTo(LossSum.ZERO);
        assertThat(read(dHidden)).containsOnly(0);
    }

    @Test
    void countsTheFirstOfEqualLogitsAsTheAnswer() {
        LossSum sum = kernels.linearCrossEntropy(zeros(3, 2), zeros(33, 2), ints(0, 1, 32), 1, null, null, memory);
        assertThat(sum.correct()).isEqualTo(1);
        assertThat(sum.loss()).isCloseTo(3 * Math.log(33), within(1e-6));
    }

    @Test
    void lossShowsThatTheModelIsNotFinite() {
        Tensor hidden = zeros(2, 2);
        kernels.upload(new float[] {1, Float.NaN}, 0, hidden.slice(1, 1));
        assertThat(kernels.linearCrossEntropy(hidden, zeros(40, 2), ints(0, 1), 1, null, null, memory)
                        .loss())
                .isNaN();
    }

    @Test
    void refusesLabelsOutsideTheVocabulary() {
        for (int bad : new int[] {-1, 4}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            kernels.linearCrossEntropy(zeros(2, 3), zeros(4, 3), ints(0, bad), 1, null, null, memory))
                    .withMessageContaining("labels[1] is " + bad);
        }
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
            on.attention(q, kv, kv, sequences, 4, 2, 0.25f, out, lse);
            on.gated(Activation.SILU, out, q, out);
            LossSum sum = on.linearCrossEntropy(out, vocabulary, ints(labels), 1, dx, dVocabulary, memory);
            on.attentionBackward(dx, q, kv, kv, out, lse, sequences, 4, 2, 0.25f, dq, dk, dv);
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
        Sequences two = Sequences.ofStarts(starts(2));
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
            () -> kernels.rope(a, 1, ids, zeros(2, 1), zeros(2, 1), false),
            () -> kernels.rope(zeros(2, 4), 1, ids, zeros(2, 1), zeros(2, 1), false),
            () -> kernels.rope(zeros(2, 4), 1, ids, zeros(2, 2), zeros(2, 1), false),
            () -> kernels.rope(zeros(2, 4), 0, ids, zeros(2, 2), zeros(2, 2), false),
            () -> kernels.attention(a, a, a, two, 2, 1, 1, a, null),
            () -> kernels.attention(a, a, b, two, 1, 1, 1, a, null),
            () -> kernels.attention(a, a, a, Sequences.ofStarts(starts(1)), 1, 1, 1, a, null),
            () -> kernels.attention(a, a, a, two, 1, 1, 1, b, null),
            () -> kernels.attention(a, a, a, two, 1, 1, 1, a, v),
            () -> kernels.attention(a, a, a, two, 3, 2, 1, a, null),
            () -> kernels.attentionBackward(a, a, b, b, a, zeros(2, 1), two, 1, 1, 1, a, b, b),
            () -> kernels.attentionBackward(
                    zeros(1, 3),
                    zeros(1, 3),
                    a,
                    a,
                    zeros(1, 3),
                    zeros(1, 1),
                    new Sequences(starts(1), starts(2)),
                    1,
                    1,
                    1,
                    zeros(1, 3),
                    a,
                    a),
            () -> kernels.dropout(a, 0.1f, 1, false, b),
            () -> kernels.linearCrossEntropy(a, b, ids, 1, null, null, memory),
            () -> kernels.linearCrossEntropy(a, a, v, 1, null, null, memory),
            () -> kernels.linearCrossEntropy(a, a, ids, 1, b, null, memory),
            () -> kernels.linearCrossEntropy(a, a, ids, 1, a, b, memory),
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
