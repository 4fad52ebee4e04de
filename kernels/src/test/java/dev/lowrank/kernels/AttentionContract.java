package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static dev.lowrank.kernels.Numbers.gradient;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Rotary positions, and attention: groups of heads, ragged sequences, longer keys, windows and soft caps. */
public abstract class AttentionContract extends KernelsFixture {
    // --- positions ---

    @Test
    void turnsPairsByTheirPositionAndBack() {
        for (int width : new int[] {2, 6, 32, 34, 64, 128}) {
            for (int heads : new int[] {1, 3}) {
                checkRope(heads, width, width / 2, 1);
            }
        }
    }

    @Test
    void turnsTheFirstPartOfEachHeadAlone() {
        checkRope(1, 3, 1, 1);
        checkRope(3, 80, 16, 1);
        checkRope(2, 65, 17, 1);
        checkRope(2, 128, 63, 1);
    }

    @Test
    void turnsByTablesThatCarryAFactor() {
        checkRope(2, 64, 32, 1.34f);
        checkRope(3, 96, 36, 0.8f);
    }

    private void checkRope(int heads, int width, int half, float factor) {
        int[] positions = {0, 5, 1, 1, 10, 3, 9};
        float[] cos = new float[11 * half];
        float[] sin = new float[11 * half];
        for (int i = 0; i < cos.length; i++) {
            double angle = random.nextDouble() * 7;
            cos[i] = (float) Math.cos(angle) * factor;
            sin[i] = (float) Math.sin(angle) * factor;
        }
        float[] values = random(7 * heads * width);
        Tensor x = tensor(values).reshape(7, (long) heads * width);
        Tensor cosines = tensor(cos).reshape(11, half);
        Tensor sines = tensor(sin).reshape(11, half);
        kernels.rope(x, heads, ints(positions), cosines, sines, false);
        float[] turned = read(x);
        double[] expected =
                Reference.rope(doubles(values), heads, width, half, positions, doubles(cos), doubles(sin), false);
        assertClose("turned", turned, expected, EXACT);
        kernels.rope(x, heads, ints(positions), cosines, sines, true);
        double[] back =
                Reference.rope(doubles(turned), heads, width, half, positions, doubles(cos), doubles(sin), true);
        assertClose("transposed", read(x), back, EXACT);
        if (factor == 1) {
            assertClose("turned back", read(x), doubles(values), 2 * EXACT);
        }
        for (int i = 0; i < values.length; i++) {
            if (i % width >= 2 * half) {
                assertThat(turned[i]).isEqualTo(values[i]);
            }
        }
    }

    @Test
    void positionGradientsMatchDifferences() {
        int[] positions = {2, 0, 1};
        for (int half : new int[] {3, 2}) {
            double[] cos = doubles(random(3 * half));
            double[] sin = doubles(random(3 * half));
            double[] x = doubles(random(3 * 2 * 6));
            double[] dy = doubles(random(3 * 2 * 6));
            assertClose(
                    "dx",
                    Reference.rope(dy, 2, 6, half, positions, cos, sin, true),
                    gradient(at -> dot(dy, Reference.rope(at, 2, 6, half, positions, cos, sin, false)), x),
                    1e-6);
        }
    }

    @Test
    void refusesPositionsBeyondTheTables() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.rope(memory.take(2, 8), 2, ints(0, 4), zeros(4, 2), zeros(4, 2), false))
                .withMessageContaining("positions[1] is 4");
    }

    @Test
    void refusesPositionsThatDoNotFit() {
        Tensor x = zeros(2, 4);
        Tensor ids = ints(0, 1);
        Runnable[] calls = {
            () -> kernels.rope(x, 1, ids, zeros(2, 3), zeros(2, 3), false),
            () -> kernels.rope(x, 2, ids, zeros(2, 2), zeros(2, 2), false),
            () -> kernels.rope(x, 3, ids, zeros(2, 1), zeros(2, 1), false),
            () -> kernels.rope(x, 0, ids, zeros(2, 2), zeros(2, 2), false),
            () -> kernels.rope(x, 1, ids, zeros(2, 0), zeros(2, 0), false),
            () -> kernels.rope(x, 1, ids, zeros(2, 2), zeros(2, 1), false),
            () -> kernels.rope(x, 1, ids, zeros(2, 2), zeros(3, 2), false),
            () -> kernels.rope(x, 1, ints(0, 1, 1), zeros(2, 2), zeros(2, 2), false),
            () -> kernels.rope(x, 1, zeros(2), zeros(2, 2), zeros(2, 2), false),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }

    // --- attention ---

    @Test
    void attendsWithGroupedHeadsInRaggedSequences() {
        checkAttention(starts(1), starts(1), AttentionShape.causal(1, 1, 1), 2);
        checkAttention(starts(3, 1, 7), starts(3, 1, 7), plain(2, 1, 7), 7);
        checkAttention(starts(13, 64, 65, 2), starts(13, 64, 65, 2), plain(4, 2, 16), 16);
        checkAttention(starts(207), starts(207), plain(3, 3, 13), 13);
        checkAttention(starts(65, 130), starts(65, 130), plain(6, 2, 64), 64);
        checkAttention(starts(0, 5, 0), starts(0, 5, 0), plain(2, 2, 8), 8);
    }

    @Test
    void attendsFromTheLastRowsOfLongerKeys() {
        checkAttention(starts(1, 1, 3), starts(1, 65, 207), plain(4, 2, 16), 16);
        checkAttention(starts(70), starts(207), plain(2, 1, 13), 13);
        checkAttention(starts(0, 1), starts(9, 4), plain(2, 1, 4), 4);
        checkAttention(starts(1, 0, 0), starts(2, 3, 65), plain(1, 1, 7), 7);
    }

    /** As in prefix tuning: the same number of learned keys before those of each sequence. */
    @Test
    void attendsToAPrefixBeforeEachSequence() {
        for (int prefix : new int[] {1, 20, 64, 71}) {
            int[] keys = starts(prefix + 13, prefix + 1, prefix + 130);
            checkAttention(starts(13, 1, 130), keys, plain(4, 2, 16), 16);
            checkAttention(starts(13, 1, 130), keys, new AttentionShape(2, 1, 0.3f, 0, 5), 7);
        }
    }

    @Test
    void attendsWithinAWindow() {
        for (int window : new int[] {1, 2, 31, 63, 64, 65, 95, 129, 206, 207, 1000}) {
            AttentionShape shape = new AttentionShape(4, 2, 0.4f, window, 0);
            checkAttention(starts(3, 207, 65), starts(3, 207, 65), shape, 7);
            checkAttention(starts(1, 70, 0, 2), starts(1, 207, 5, 40), shape, 7);
        }
    }

    @Test
    void attendsWithCappedScores() {
        for (float cap : new float[] {0.5f, 3, 50}) {
            checkAttention(starts(3, 70, 65), starts(3, 70, 65), new AttentionShape(2, 1, 1, 0, cap), 13);
            checkAttention(starts(3, 70), starts(12, 130), new AttentionShape(2, 2, 0.5f, 33, cap), 16);
        }
    }

    /** Long enough for several blocks and tiles in each direction; groups that fill a block and groups that do not. */
    @Test
    void attendsOverManyBlocks() {
        checkHalf(starts(600, 1, 260), starts(600, 1, 260), plain(3, 1, 32), 32);
        checkHalf(starts(700), starts(1300), plain(2, 2, 40), 40);
        checkHalf(starts(530), starts(600), new AttentionShape(8, 1, 0.2f, 300, 0), 16);
        checkHalf(starts(150), starts(150), plain(20, 1, 96), 96);
        checkHalf(starts(140, 33), starts(140, 60), plain(7, 1, 128), 128);
        checkHalf(starts(100, 33), starts(100, 60), new AttentionShape(2, 1, -0.3f, 0, 0), 8);
        checkHalf(starts(100, 33), starts(100, 60), new AttentionShape(2, 1, 0, 0, 0), 8);
    }

    @Test
    void attendsWithHeadsOfAnyWidth() {
        for (int width : new int[] {1, 33, 80, 97, 129, 255}) {
            checkAttention(starts(37, 3, 9), starts(37, 40, 13), plain(2, 1, width), width);
        }
        checkAttention(starts(3, 100), starts(3, 140), new AttentionShape(2, 1, 0.05f, 70, 2), 256);
    }

    @Test
    void attendsInManySequences() {
        int[] lengths = new int[40];
        int[] longer = new int[40];
        for (int s = 0; s < lengths.length; s++) {
            lengths[s] = Math.max(0, random.nextInt(100) - 20);
            longer[s] = lengths[s] + Math.max(0, random.nextInt(60) - 40);
        }
        checkAttention(starts(lengths), starts(lengths), plain(1, 1, 8), 8);
        checkAttention(starts(lengths), starts(longer), new AttentionShape(2, 1, 0.4f, 40, 0), 8);
    }

    /** What was computed for some sequences says nothing about others of the same rows. */
    @Test
    void attendsToTheSequencesOfEachCall() {
        Tensor x = tensor(random(70 * 8)).reshape(70, 8);
        AttentionShape shape = plain(1, 1, 8);
        int[] lengths = starts(30, 40);
        Sequences changed = Sequences.ofStarts(lengths);
        Tensor first = nans(70, 8);
        kernels.attention(x, x, x, changed, shape, first, null);
        lengths[1] = 50;
        Tensor second = nans(70, 8);
        kernels.attention(x, x, x, changed, shape, second, null);
        assertThat(read(second.slice(30, 40))).isNotEqualTo(read(first.slice(30, 40)));
        Tensor again = nans(70, 8);
        kernels.attention(x, x, x, Sequences.ofStarts(starts(30, 40)), shape, again, null);
        assertThat(read(again)).isEqualTo(read(first));
    }

    /** Each tensor may be F32 or BF16 by itself. */
    @Test
    void attendsToTensorsOfMixedTypes() {
        AttentionShape shape = plain(4, 2, 16);
        Sequences sequences = Sequences.ofStarts(starts(5, 70));
        float[] values = random(75 * 64);
        Tensor q = half(values, 75, 64);
        Tensor kv = half(random(75 * 32), 75, 32);
        Tensor single = tensor(read(q)).reshape(75, 64);
        Tensor singleKv = tensor(read(kv)).reshape(75, 32);
        Tensor lse = nans(75, 4);
        Tensor[] expected = {nans(75, 64), nans(75, 64), nans(75, 32), nans(75, 32)};
        kernels.attention(single, singleKv, singleKv, sequences, shape, expected[0], lse);
        kernels.attentionBackward(
                single,
                single,
                singleKv,
                singleKv,
                expected[0],
                lse,
                sequences,
                shape,
                expected[1],
                expected[2],
                expected[3]);
        Tensor[] actual = {nans(75, 64), halfNans(75, 64), nans(75, 32), halfNans(75, 32)};
        kernels.attention(q, singleKv, kv, sequences, shape, actual[0], lse);
        kernels.attentionBackward(
                single, q, kv, singleKv, actual[0], lse, sequences, shape, actual[1], actual[2], actual[3]);
        for (int i = 0; i < 4; i++) {
            Tensor rounded = memory.take(actual[i].dtype(), actual[i].rows(), actual[i].columns());
            kernels.convert(expected[i], rounded);
            assertThat(read(actual[i])).as("result %d", i).isEqualTo(read(rounded));
        }
    }

    private static AttentionShape plain(int heads, int kvHeads, int width) {
        return AttentionShape.causal(heads, kvHeads, (float) (1 / Math.sqrt(width)));
    }

    private void checkAttention(int[] queryStarts, int[] keyStarts, AttentionShape shape, int width) {
        checkSingle(queryStarts, keyStarts, shape, width);
        checkHalf(queryStarts, keyStarts, shape, width);
    }

    private void checkHalf(int[] queryStarts, int[] keyStarts, AttentionShape shape, int width) {
        String what = "BF16, %s of width %d, queries %s, keys %s"
                .formatted(shape, width, Arrays.toString(queryStarts), Arrays.toString(keyStarts));
        long mark = memory.mark();
        Sequences sequences = new Sequences(queryStarts, keyStarts);
        int n = queryStarts[queryStarts.length - 1];
        int m = keyStarts[keyStarts.length - 1];
        int queryColumns = shape.heads() * width;
        int keyColumns = shape.kvHeads() * width;
        Tensor q = half(random(n * queryColumns), n, queryColumns);
        Tensor k = half(random(m * keyColumns), m, keyColumns);
        Tensor v = half(random(m * keyColumns), m, keyColumns);
        Tensor dOut = half(random(n * queryColumns), n, queryColumns);
        Tensor out = halfNans(n, queryColumns);
        Tensor lse = nans(n, shape.heads());
        Tensor dQ = halfNans(n, queryColumns);
        Tensor dK = halfNans(m, keyColumns);
        Tensor dV = halfNans(m, keyColumns);
        kernels.attention(q, k, v, sequences, shape, out, lse);
        kernels.attentionBackward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);

        double[] exactQ = doubles(read(q));
        double[] exactK = doubles(read(k));
        double[] exactV = doubles(read(v));
        double[] exactDOut = doubles(read(dOut));
        Reference.Attended expected = Reference.attention(exactQ, exactK, exactV, sequences, shape, width);
        Reference.AttentionGradient gradient =
                Reference.attentionBackward(exactDOut, exactQ, exactK, exactV, sequences, shape, width);
        Reference.AttentionBounds bounds =
                Reference.attentionBounds(exactDOut, exactQ, exactK, exactV, sequences, shape, width);
        assertClose("lse of " + what, read(lse), expected.lse(), 5e-6, 1);
        assertWithin("out of " + what, read(out), expected.out(), bounds.out());
        assertWithin("dQ of " + what, read(dQ), gradient.dQ(), bounds.dQ());
        assertWithin("dK of " + what, read(dK), gradient.dK(), bounds.dK());
        assertWithin("dV of " + what, read(dV), gradient.dV(), bounds.dV());

        Tensor again = halfNans(n, queryColumns);
        kernels.attention(q, k, v, sequences, shape, again, null);
        assertThat(read(again)).isEqualTo(read(out));
        float[] first = read(dK);
        kernels.attentionBackward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        assertThat(read(dK)).isEqualTo(first);
        memory.release(mark);
    }

    /** Results within a bound each, and 1e-5 that comes from fp32 where terms cancel. */
    private static void assertWithin(String what, float[] actual, double[] expected, double[] bounds) {
        for (int i = 0; i < actual.length; i++) {
            // Negated, so that NaN fails.
            if (!(Math.abs(actual[i] - expected[i]) <= bounds[i] + 1e-5)) {
                assertThat((double) actual[i])
                        .as("%s[%d], bound %s", what, i, bounds[i])
                        .isEqualTo(expected[i]);
            }
        }
    }

    private Tensor half(float[] values, int rows, int columns) {
        Tensor tensor = memory.take(DType.BF16, rows, columns);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    private Tensor halfNans(int rows, int columns) {
        float[] values = new float[rows * columns];
        Arrays.fill(values, Float.NaN);
        return half(values, rows, columns);
    }

    private void checkSingle(int[] queryStarts, int[] keyStarts, AttentionShape shape, int width) {
        String what = "%s of width %d, queries %s, keys %s"
                .formatted(shape, width, Arrays.toString(queryStarts), Arrays.toString(keyStarts));
        long mark = memory.mark();
        Sequences sequences = new Sequences(queryStarts, keyStarts);
        int n = queryStarts[queryStarts.length - 1];
        int m = keyStarts[keyStarts.length - 1];
        int queryColumns = shape.heads() * width;
        int keyColumns = shape.kvHeads() * width;
        float[] q = random(n * queryColumns);
        float[] k = random(m * keyColumns);
        float[] v = random(m * keyColumns);
        Tensor tq = tensor(q).reshape(n, queryColumns);
        Tensor tk = tensor(k).reshape(m, keyColumns);
        Tensor tv = tensor(v).reshape(m, keyColumns);
        Tensor out = nans(n, queryColumns);
        Tensor lse = nans(n, shape.heads());
        kernels.attention(tq, tk, tv, sequences, shape, out, lse);
        Reference.Attended expected = Reference.attention(doubles(q), doubles(k), doubles(v), sequences, shape, width);
        assertClose("out of " + what, read(out), expected.out(), 2e-6);
        assertClose("lse of " + what, read(lse), expected.lse(), 1e-6);

        Tensor again = nans(n, queryColumns);
        kernels.attention(tq, tk, tv, sequences, shape, again, null);
        assertThat(read(again)).isEqualTo(read(out));

        float[] dOut = random(n * queryColumns);
        Tensor dQ = nans(n, queryColumns);
        Tensor dK = nans(m, keyColumns);
        Tensor dV = nans(m, keyColumns);
        Tensor given = tensor(dOut).reshape(n, queryColumns);
        kernels.attentionBackward(given, tq, tk, tv, out, lse, sequences, shape, dQ, dK, dV);
        Reference.AttentionGradient gradient =
                Reference.attentionBackward(doubles(dOut), doubles(q), doubles(k), doubles(v), sequences, shape, width);
        assertClose("dQ of " + what, read(dQ), gradient.dQ(), 4e-6, 1);
        assertClose("dK of " + what, read(dK), gradient.dK(), 4e-6, 1);
        assertClose("dV of " + what, read(dV), gradient.dV(), 4e-6, 1);
        memory.release(mark);
    }

    @Test
    void attentionGradientsMatchDifferences() {
        Sequences same = Sequences.ofStarts(starts(4, 3));
        Sequences prefixed = new Sequences(starts(4, 3), starts(6, 5));
        checkGradients(same, AttentionShape.causal(4, 2, 0.5f));
        checkGradients(same, new AttentionShape(4, 2, 0.5f, 2, 0));
        checkGradients(same, new AttentionShape(4, 2, 0.5f, 0, 0.75f));
        checkGradients(prefixed, AttentionShape.causal(4, 2, 0.5f));
        checkGradients(prefixed, new AttentionShape(4, 2, 0.5f, 3, 2));
    }

    private void checkGradients(Sequences sequences, AttentionShape shape) {
        int width = 3;
        int n = sequences.queryStarts()[sequences.count()];
        int m = sequences.keyStarts()[sequences.count()];
        double[] q = doubles(random(n * shape.heads() * width));
        double[] k = doubles(random(m * shape.kvHeads() * width));
        double[] v = doubles(random(m * shape.kvHeads() * width));
        double[] dOut = doubles(random(q.length));
        Reference.AttentionGradient analytic = Reference.attentionBackward(dOut, q, k, v, sequences, shape, width);
        double[] dQ = gradient(
                at -> dot(
                        dOut,
                        Reference.attention(at, k, v, sequences, shape, width).out()),
                q);
        double[] dK = gradient(
                at -> dot(
                        dOut,
                        Reference.attention(q, at, v, sequences, shape, width).out()),
                k);
        double[] dV = gradient(
                at -> dot(
                        dOut,
                        Reference.attention(q, k, at, sequences, shape, width).out()),
                v);
        assertClose("dQ of " + shape, analytic.dQ(), dQ, 1e-6);
        assertClose("dK of " + shape, analytic.dK(), dK, 1e-6);
        assertClose("dV of " + shape, analytic.dV(), dV, 1e-6);
    }

    /** Keys far outside the window are not multiplied by zero but left out: a NaN there would show. */
    @Test
    void doesNoWorkFarOutsideTheWindow() {
        int n = 800;
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
            Tensor q = memory.take(type, n, 8);
            kernels.upload(random(n * 8), 0, q);
            Tensor kv = memory.take(type, n, 8);
            float[] values = random(n * 8);
            values[0] = Float.NaN;
            kernels.upload(values, 0, kv);
            Tensor out = memory.take(type, n, 8);
            Tensor lse = nans(n, 1);
            AttentionShape shape = new AttentionShape(1, 1, 1, 3, 0);
            Sequences sequences = Sequences.ofStarts(starts(n));
            kernels.attention(q, kv, kv, sequences, shape, out, lse);
            Tensor[] gradients = {memory.take(type, n, 8), memory.take(type, n, 8), memory.take(type, n, 8)};
            kernels.attentionBackward(
                    q, q, kv, kv, out, lse, sequences, shape, gradients[0], gradients[1], gradients[2]);
            assertThat(read(out.slice(0, 1))).containsOnly(Float.NaN);
            assertThat(read(lse.slice(0, 1))).containsOnly(Float.NaN);
            assertThat(read(gradients[0].slice(0, 1))).containsOnly(Float.NaN);
            assertThat(read(gradients[1].slice(0, 1))).containsOnly(Float.NaN);
            for (Tensor tensor : new Tensor[] {out, gradients[0], gradients[1], gradients[2]}) {
                for (float value : read(tensor.slice(400, 400))) {
                    assertThat(value).isFinite();
                }
            }
        }
    }

    @Test
    void aWindowAsLongAsTheSequencesAndAWideCapChangeAlmostNothing() {
        Tensor q = tensor(random(70 * 8)).reshape(70, 8);
        Tensor kv = tensor(random(70 * 8)).reshape(70, 8);
        Sequences sequences = Sequences.ofStarts(starts(70));
        Tensor out = nans(70, 8);
        kernels.attention(q, kv, kv, sequences, AttentionShape.causal(1, 1, 0.3f), out, null);
        float[] expected = read(out);
        kernels.attention(q, kv, kv, sequences, new AttentionShape(1, 1, 0.3f, 70, 0), out, null);
        assertThat(read(out)).isEqualTo(expected);
        kernels.attention(q, kv, kv, sequences, new AttentionShape(1, 1, 0.3f, 0, 1e4f), out, null);
        assertClose("capped far away", read(out), doubles(expected), 2e-6);
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
        Tensor halfQ = half(q, 20, 8);
        Tensor halfK = half(k, 20, 8);
        Tensor halfV = half(v, 20, 8);
        for (float cap : new float[] {0, 30}) {
            AttentionShape shape = new AttentionShape(1, 1, 1, 0, cap);
            Tensor halfOut = halfNans(20, 8);
            kernels.attention(halfQ, halfK, halfV, sequences, shape, halfOut, null);
            double[] rounded = Reference.attention(
                            doubles(read(halfQ)), doubles(read(halfK)), doubles(read(halfV)), sequences, shape, 8)
                    .out();
            assertClose("out in BF16", read(halfOut), rounded, 0x1p-7 + 1e-3);
            Tensor out = nans(20, 8);
            kernels.attention(
                    tensor(q).reshape(20, 8),
                    tensor(k).reshape(20, 8),
                    tensor(v).reshape(20, 8),
                    sequences,
                    shape,
                    out,
                    null);
            double[] expected = Reference.attention(doubles(q), doubles(k), doubles(v), sequences, shape, 8)
                    .out();
            assertClose("out", read(out), expected, 1e-3);
        }
    }

    @Test
    void refusesAttentionThatDoesNotFit() {
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Tensor v = zeros(7);
        Tensor lse = zeros(2, 1);
        Sequences two = Sequences.ofStarts(starts(2));
        Sequences one = Sequences.ofStarts(starts(1));
        AttentionShape shape = AttentionShape.causal(1, 1, 1);
        Runnable[] calls = {
            () -> kernels.attention(a, a, a, two, AttentionShape.causal(2, 1, 1), a, null),
            () -> kernels.attention(a, a, b, two, shape, a, null),
            () -> kernels.attention(a, a, a, one, shape, a, null),
            () -> kernels.attention(a, a, a, two, shape, b, null),
            () -> kernels.attention(a, a, a, two, shape, a, v),
            () -> kernels.attentionBackward(a, a, b, b, a, lse, two, shape, a, b, b),
            () -> kernels.attentionBackward(a, a, a, a, a, v, two, shape, a, a, a),
            () -> kernels.attentionBackward(a, a, a, a, a, lse, two, shape, b, a, a),
            () -> kernels.attentionBackward(a, a, a, a, a, lse, two, shape, a, b, a),
            () -> kernels.attentionBackward(a, a, a, a, a, lse, two, shape, a, a, b),
            () -> AttentionShape.causal(3, 2, 1),
            () -> AttentionShape.causal(0, 1, 1),
            () -> AttentionShape.causal(1, 0, 1),
            () -> new AttentionShape(1, 1, 1, -1, 0),
            () -> new AttentionShape(1, 1, 1, 0, -1),
            () -> new AttentionShape(1, 1, 1, 0, Float.NaN),
            () -> new AttentionShape(1, 1, 1, 0, Float.POSITIVE_INFINITY),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }
}
