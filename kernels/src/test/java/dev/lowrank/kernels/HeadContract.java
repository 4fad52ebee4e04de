package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static dev.lowrank.kernels.Numbers.gradient;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The end of a model: capped logits, and the projection with cross-entropy. */
public abstract class HeadContract extends KernelsFixture {
    // --- caps ---

    @Test
    void capsInPlace() {
        for (int size : new int[] {1, 2, 7, 13, 64, 65, 207, 40_001}) {
            for (float cap : new float[] {0.5f, 30}) {
                float[] values = reals(size);
                for (int i = 0; i < size; i++) {
                    values[i] *= 16;
                }
                Tensor x = stored(values);
                kernels.softCap(x, cap);
                double[] expected = new double[size];
                for (int i = 0; i < size; i++) {
                    expected[i] = Reference.softCap(values[i], cap);
                }
                assertHolds("capped at " + cap, x, expected, EXACT);
            }
        }
    }

    @Test
    void capsWhatIsTooLargeAndLeavesWhatIsSmall() {
        Tensor x = tensor(Float.POSITIVE_INFINITY, -1e30f, 0, 1e-20f, -1e-5f, Float.NaN);
        kernels.softCap(x, 30);
        float[] capped = read(x);
        assertThat(capped[0]).isEqualTo(30);
        assertThat(capped[1]).isEqualTo(-30);
        assertThat(capped[2]).isZero();
        assertClose("small", new float[] {capped[3] * 1e20f, capped[4] * 1e5f}, new double[] {1, -1}, 1e-6);
        assertThat(capped[5]).isNaN();
    }

    @Test
    void refusesACapThatIsNone() {
        Tensor x = zeros(3);
        for (float bad : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThatIllegalArgumentException().isThrownBy(() -> kernels.softCap(x, bad));
        }
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.softCap(ints(1), 1));
    }

    // --- loss ---

    @Test
    void sumsTheLossOfTrainedRowsAndItsGradients() {
        for (float cap : new float[] {0, 2, 30}) {
            for (boolean weighted : new boolean[] {false, true}) {
                for (DType type : new DType[] {DType.F32, DType.BF16}) {
                    checkCrossEntropy(type, 1, 1, 3, 1, weighted, cap);
                    checkCrossEntropy(type, 7, 13, 65, 0.25f, weighted, cap);
                    checkCrossEntropy(type, 65, 64, 207, 1f / 65, weighted, cap);
                    checkCrossEntropy(type, 1300, 7, 31, 0.01f, weighted, cap); // More than one chunk.
                }
            }
        }
    }

    /** With BF16 the gradients of the logits are rounded before they are multiplied, and dHidden after. */
    private void checkCrossEntropy(
            DType type, int rows, int width, int vocabulary, float scale, boolean weighted, float cap) {
        long mark = memory.mark();
        float[] hidden = random(rows * width);
        float[] weight = random(vocabulary * width);
        float[] old = random(vocabulary * width);
        float[] factors = random(rows);
        int[] labels = new int[rows];
        for (int n = 0; n < rows; n++) {
            labels[n] = n % 3 == 1 ? Kernels.IGNORED : random.nextInt(vocabulary);
            factors[n] = labels[n] == Kernels.IGNORED ? Float.NaN : factors[n];
        }
        Tensor h = as(type, tensor(hidden).reshape(rows, width));
        Tensor w = as(type, tensor(weight).reshape(vocabulary, width));
        hidden = read(h);
        weight = read(w);
        double roundings = type == DType.F32 ? 0 : 1 / 64.0; // Terms of both signs, each rounded twice.
        Tensor losses = nans(rows, 1).reshape(rows);
        Tensor dHidden = as(type, nans(rows, width));
        Tensor dWeight = tensor(old).reshape(vocabulary, width);
        TokenLoss target =
                TokenLoss.of(ints(labels), scale).withSoftCap(cap).withRowScale(weighted ? tensor(factors) : null);
        LossSum sum = kernels.linearCrossEntropy(h, w, target, losses, dHidden, dWeight, memory);
        Reference.Entropy expected = Reference.linearCrossEntropy(
                doubles(hidden), doubles(weight), labels, scale, weighted ? doubles(factors) : null, cap, width);
        assertThat(sum.loss())
                .isCloseTo(expected.sum().loss(), within(1e-6 * expected.sum().loss()));
        assertThat(sum.tokens()).isEqualTo(expected.sum().tokens());
        assertThat(sum.correct()).isEqualTo(expected.sum().correct());
        assertClose("losses", read(losses), expected.losses(), sumOf(width));
        assertClose("dHidden", read(dHidden), expected.dHidden(), sumOf(vocabulary) + roundings);
        assertClose("dWeight", read(dWeight), plus(expected.dWeight(), old), sumOf(rows) + roundings);

        assertThat(kernels.linearCrossEntropy(h, w, target, null, null, null, memory))
                .isEqualTo(sum);
        Tensor alone = nans(rows, 1);
        kernels.linearCrossEntropy(h, w, target, alone, null, null, memory);
        assertThat(read(alone)).isEqualTo(read(losses));
        Tensor gradient = as(type, nans(rows, width));
        kernels.linearCrossEntropy(h, w, target, null, gradient, null, memory);
        assertThat(read(gradient)).isEqualTo(read(dHidden));
        kernels.linearCrossEntropy(h, w, target, null, h, null, memory);
        assertThat(read(h)).as("over hidden itself").isEqualTo(read(dHidden));
        memory.release(mark);
    }

    /** More than one tile of the vocabulary, whole and not, and more than one block of rows. */
    @Test
    void aFrozenHeadThatIsLaidOutGivesTheSame() {
        for (float cap : new float[] {0, 2, 30}) {
            for (DType type : new DType[] {DType.F32, DType.BF16}) {
                checkFrozenHead(type, 1, 1, 3, false, cap);
                checkFrozenHead(type, 40, 13, 65, true, cap);
                checkFrozenHead(type, 65, 64, 1024, false, cap);
                checkFrozenHead(type, 33, 31, 1237, true, cap);
                checkFrozenHead(type, 1300, 7, 600, true, cap);
            }
        }
    }

    private void checkFrozenHead(DType type, int rows, int width, int vocabulary, boolean weighted, float cap) {
        long mark = memory.mark();
        int[] labels = new int[rows];
        float[] factors = random(rows);
        for (int n = 0; n < rows; n++) {
            labels[n] = n % 3 == 1 ? Kernels.IGNORED : random.nextInt(vocabulary);
            factors[n] = labels[n] == Kernels.IGNORED ? Float.NaN : factors[n];
        }
        Tensor w = as(DType.BF16, tensor(random(vocabulary * width)).reshape(vocabulary, width));
        Packed head = kernels.packTable(w, memory);
        Tensor h = as(type, as(DType.BF16, tensor(random(rows * width)).reshape(rows, width)));
        TokenLoss target =
                TokenLoss.of(ints(labels), 0.25f).withSoftCap(cap).withRowScale(weighted ? tensor(factors) : null);
        Reference.Entropy expected = Reference.linearCrossEntropy(
                doubles(read(h)), doubles(read(w)), labels, 0.25f, weighted ? doubles(factors) : null, cap, width);
        Tensor losses = nans(rows, 1).reshape(rows);
        Tensor dHidden = as(type, nans(rows, width));
        LossSum sum = kernels.linearCrossEntropy(h, head, target, losses, dHidden, memory);
        assertThat(sum.loss())
                .isCloseTo(expected.sum().loss(), within(1e-6 * expected.sum().loss()));
        assertThat(sum.tokens()).isEqualTo(expected.sum().tokens());
        assertThat(sum.correct()).isEqualTo(expected.sum().correct());
        assertClose("losses", read(losses), expected.losses(), sumOf(width));
        assertClose("dHidden", read(dHidden), expected.dHidden(), sumOf(vocabulary) + 1 / 128.0);

        assertThat(kernels.linearCrossEntropy(h, head, target, null, null, memory))
                .isEqualTo(sum);
        kernels.linearCrossEntropy(h, head, target, null, h, memory);
        assertThat(read(h)).as("over hidden itself").isEqualTo(read(dHidden));
        memory.release(mark);
    }

    /** The largest of the logits rises from tile to tile, by much and by little. */
    @Test
    void sumsOverAFrozenHeadSurviveLogitsThatRise() {
        int vocabulary = 2100;
        float[] weight = new float[vocabulary];
        for (int step : new int[] {1, 300}) {
            for (int t = 0; t < vocabulary; t++) {
                weight[t] = (t / step % 256) / 16f;
            }
            Packed head = kernels.packTable(tensor(weight).reshape(vocabulary, 1), memory);
            float[] hidden = {1, -1, 40, 0};
            int[] labels = {2099, 5, 1700, 600};
            Tensor dHidden = nans(4, 1);
            LossSum sum = kernels.linearCrossEntropy(
                    tensor(hidden).reshape(4, 1), head, TokenLoss.of(ints(labels)), null, dHidden, memory);
            Reference.Entropy expected =
                    Reference.linearCrossEntropy(doubles(hidden), doubles(weight), labels, 1, null, 0, 1);
            assertThat(sum.loss())
                    .isCloseTo(
                            expected.sum().loss(), within(1e-6 * expected.sum().loss()));
            assertClose("dHidden", read(dHidden), expected.dHidden(), 1 / 128.0);
        }
    }

    /** Where the label's word is nearly sure, its gradient is a small difference and no rounded 1. */
    @Test
    void aSureAnswerOfAFrozenHeadHasAnExactGradient() {
        float[] weight = new float[700];
        weight[3] = 4;
        weight[650] = -4;
        float[] hidden = {3};
        Tensor dHidden = memory.take(1, 1);
        kernels.linearCrossEntropy(
                tensor(hidden).reshape(1, 1),
                kernels.packTable(tensor(weight).reshape(700, 1), memory),
                TokenLoss.of(ints(3)),
                null,
                dHidden,
                memory);
        Reference.Entropy expected =
                Reference.linearCrossEntropy(doubles(hidden), doubles(weight), new int[] {3}, 1, null, 0, 1);
        assertThat(read(dHidden)[0])
                .isCloseTo((float) expected.dHidden()[0], within((float) (-1e-3 * expected.dHidden()[0])));
    }

    @Test
    void aFrozenHeadCountsTheFirstOfEqualLogitsAndShowsWhatIsNotFinite() {
        Packed head = kernels.packTable(zeros(1200, 3), memory);
        int[] labels = {0, 1, 600, 1199};
        TokenLoss target = TokenLoss.of(ints(labels));
        assertThat(kernels.linearCrossEntropy(zeros(4, 3), head, target, null, null, memory)
                        .correct())
                .isEqualTo(1);
        Tensor hidden = zeros(4, 3);
        kernels.upload(new float[] {1, Float.NaN, 1}, 0, hidden.slice(0, 1));
        Tensor losses = nans(4, 1).reshape(4);
        Tensor dHidden = zeros(4, 3);
        LossSum sum = kernels.linearCrossEntropy(hidden, head, target, losses, dHidden, memory);
        assertThat(sum.loss()).isNaN();
        assertThat(sum.correct()).isZero();
        assertThat(read(losses)[0]).isNaN();
        assertThat(read(losses)[1]).as("of another row").isFinite();
        assertThat(read(dHidden.slice(0, 1))).containsOnly(Float.NaN);
        assertThat(read(dHidden.slice(1, 3))).doesNotContain(Float.NaN);
    }

    @Test
    void aLabelOfAFrozenHeadThatALaterWordBeatsIsWrong() {
        float[] weight = new float[700];
        weight[3] = 1;
        weight[650] = 2;
        LossSum sum = kernels.linearCrossEntropy(
                tensor(new float[] {1, 1, -1}).reshape(3, 1),
                kernels.packTable(tensor(weight).reshape(700, 1), memory),
                TokenLoss.of(ints(3, 650, 0)),
                null,
                null,
                memory);
        assertThat(sum.correct()).isEqualTo(2);
    }

    @Test
    void looksRowsUpInATableThatIsLaidOut() {
        for (int width : SIZES) {
            Tensor table = as(DType.BF16, tensor(random(1100 * width)).reshape(1100, width));
            Packed packed = kernels.packTable(table, memory);
            Tensor ids = ints(3, 0, 1099, 511, 512, 3, 545);
            for (DType type : new DType[] {DType.F32, DType.BF16}) {
                Tensor rows = memory.take(type, 7, width);
                Tensor expected = memory.take(type, 7, width);
                kernels.embedding(ids, table, expected);
                kernels.embedding(ids, packed, rows);
                assertThat(read(rows)).isEqualTo(read(expected));
            }
            Tensor unpacked = memory.take(1100, width);
            kernels.unpack(packed, unpacked);
            assertThat(read(unpacked)).isEqualTo(read(table));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.embedding(ints(0, 1100), packed, memory.take(2, width)))
                    .withMessageContaining("ids[1] is 1100");
        }
    }

    @Test
    void lossGradientsMatchDifferences() {
        checkLossGradients(null, 0);
        checkLossGradients(new double[] {0.5, 0, -2, 1.5}, 0);
        checkLossGradients(null, 1.5);
        checkLossGradients(new double[] {0.5, 0, -2, 1.5}, 1.5);
    }

    private void checkLossGradients(double @Nullable [] rowScale, double cap) {
        int[] labels = {2, Kernels.IGNORED, 0, 4};
        double[] hidden = doubles(random(4 * 3));
        double[] weight = doubles(random(5 * 3));
        Reference.Entropy analytic = Reference.linearCrossEntropy(hidden, weight, labels, 0.5, rowScale, cap, 3);
        double[] factors = rowScale == null ? new double[] {1, 1, 1, 1} : rowScale;
        double[] dHidden = gradient(
                at -> 0.5
                        * dot(
                                factors,
                                Reference.linearCrossEntropy(at, weight, labels, 1, null, cap, 3)
                                        .losses()),
                hidden);
        double[] dWeight = gradient(
                at -> 0.5
                        * dot(
                                factors,
                                Reference.linearCrossEntropy(hidden, at, labels, 1, null, cap, 3)
                                        .losses()),
                weight);
        assertClose("dHidden", analytic.dHidden(), dHidden, 1e-6);
        assertClose("dWeight", analytic.dWeight(), dWeight, 1e-6);
    }

    @Test
    void cappedLossSurvivesLogitsFarApart() {
        float[] hidden = {1000, -1000, 0};
        float[] weight = {1, -1, 0.001f, 0};
        Tensor dHidden = nans(3, 1);
        TokenLoss target = TokenLoss.of(ints(0, 0, 3)).withSoftCap(30);
        LossSum sum = kernels.linearCrossEntropy(
                tensor(hidden).reshape(3, 1), tensor(weight).reshape(4, 1), target, null, dHidden, null, memory);
        Reference.Entropy expected =
                Reference.linearCrossEntropy(doubles(hidden), doubles(weight), new int[] {0, 0, 3}, 1, null, 30, 1);
        assertThat(sum.loss()).isCloseTo(expected.sum().loss(), within(1e-5));
        assertClose("dHidden", read(dHidden), expected.dHidden(), 1e-6);
    }

    @Test
    void leavesScratchAsItFoundIt() {
        Tensor hidden = tensor(random(20)).reshape(4, 5);
        Tensor weight = tensor(random(30)).reshape(6, 5);
        Tensor labels = ints(0, 1, 2, 3);
        Workspace scratch = kernels.workspace();
        scratch.take(3);
        long mark = scratch.mark();
        kernels.linearCrossEntropy(hidden, weight, TokenLoss.of(labels), null, null, null, scratch);
        assertThat(scratch.mark()).isEqualTo(mark);
        scratch.close();
    }

    @Test
    void countsNothingWhereNothingIsTrained() {
        Tensor dHidden = nans(2, 3);
        Tensor losses = nans(2, 1);
        LossSum sum = kernels.linearCrossEntropy(
                zeros(2, 3),
                zeros(4, 3),
                TokenLoss.of(ints(Kernels.IGNORED, Kernels.IGNORED)),
                losses,
                dHidden,
                zeros(4, 3),
                memory);
        assertThat(sum).isEqualTo(LossSum.ZERO);
        assertThat(read(dHidden)).containsOnly(0);
        assertThat(read(losses)).containsOnly(0);
    }

    @Test
    void countsTheFirstOfEqualLogitsAsTheAnswer() {
        LossSum sum = kernels.linearCrossEntropy(
                zeros(3, 2), zeros(33, 2), TokenLoss.of(ints(0, 1, 32)), null, null, null, memory);
        assertThat(sum.correct()).isEqualTo(1);
        assertThat(sum.loss()).isCloseTo(3 * Math.log(33), within(1e-6));
    }

    @Test
    void lossShowsThatTheModelIsNotFinite() {
        Tensor hidden = zeros(2, 2);
        kernels.upload(new float[] {1, Float.NaN}, 0, hidden.slice(1, 1));
        assertThat(kernels.linearCrossEntropy(hidden, zeros(40, 2), TokenLoss.of(ints(0, 1)), null, null, null, memory)
                        .loss())
                .isNaN();
    }

    @Test
    void refusesLabelsOutsideTheVocabulary() {
        for (int bad : new int[] {-1, 4}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.linearCrossEntropy(
                            zeros(2, 3), zeros(4, 3), TokenLoss.of(ints(0, bad)), null, null, null, memory))
                    .withMessageContaining("labels[1] is " + bad);
        }
    }

    @Test
    void refusesALossThatDoesNotFit() {
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Tensor v = zeros(7);
        TokenLoss target = TokenLoss.of(ints(0, 1));
        Runnable[] calls = {
            () -> kernels.linearCrossEntropy(a, b, target, null, null, null, memory),
            () -> kernels.linearCrossEntropy(a, a, TokenLoss.of(v), null, null, null, memory),
            () -> kernels.linearCrossEntropy(a, kernels.packTable(b, memory), target, null, null, memory),
            () -> kernels.linearCrossEntropy(a, kernels.packTable(a, memory), target, v, null, memory),
            () -> kernels.linearCrossEntropy(a, kernels.packTable(a, memory), target, null, b, memory),
            () -> kernels.linearCrossEntropy(a, a, target, v, null, null, memory),
            () -> kernels.linearCrossEntropy(a, a, target, ints(0, 1), null, null, memory),
            () -> kernels.linearCrossEntropy(a, a, target, null, b, null, memory),
            () -> kernels.linearCrossEntropy(a, a, target, null, a, b, memory),
            () -> kernels.linearCrossEntropy(a, a, target.withRowScale(v), null, a, null, memory),
            () -> target.withSoftCap(-1),
            () -> target.withSoftCap(Float.NaN),
            () -> target.withSoftCap(Float.POSITIVE_INFINITY),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }
}
