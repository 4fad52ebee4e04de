package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.doubles;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Products with BF16 matrices. The reference computes with the factors as they were stored; what is left is the rounding of
 * a BF16 result, once for each part of a long sum, and of factors that have to be narrowed (2^-9 each, relative), and sums
 * in fp32.
 */
public abstract class HalfMatmulContract extends KernelsFixture {
    private static final LowRankGradient NOT_WANTED = new LowRankGradient(null, null);

    private static final double ROUNDING = 1 / 256.0;

    private Tensor half(float[] values, long... shape) {
        Tensor tensor = memory.take(DType.BF16, shape);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    private Tensor full(float[] values, long... shape) {
        Tensor tensor = memory.take(shape);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    private void agrees(int m, int n, int k, boolean ta, boolean tb, float alpha, float beta, DType typeOfC) {
        String what = "m %d n %d k %d %s %s alpha %s beta %s %s".formatted(m, n, k, ta, tb, alpha, beta, typeOfC);
        Tensor a = half(random(m * k), ta ? k : m, ta ? m : k);
        Tensor b = half(random(k * n), tb ? n : k, tb ? k : n);
        float[] before = beta == 0 ? filled(m * n) : random(m * n);
        Tensor c = typeOfC == DType.F32 ? full(before, m, n) : half(before, m, n);
        double[] c0 = beta == 0 ? new double[m * n] : doubles(read(c));
        kernels.matmul(a, ta, b, tb, alpha, beta, c);
        double[] expected = Reference.matmul(doubles(read(a)), ta, doubles(read(b)), tb, alpha, beta, c0, m, n, k);
        double tolerance = alpha == 1 || alpha == 2 ? sumOf(k) : ROUNDING;
        assertClose(what, read(c), expected, typeOfC == DType.F32 ? tolerance : 2 * ROUNDING, Math.sqrt(k));
    }

    private static float[] filled(int size) {
        float[] values = new float[size];
        Arrays.fill(values, Float.NaN);
        return values;
    }

    @Test
    void multipliesEveryOrientationOverOddSizes() {
        int[][] sizes = {
            {1, 1, 1},
            {1, 33, 7},
            {7, 5, 3},
            {16, 32, 32},
            {13, 65, 40},
            {65, 13, 207},
            {207, 64, 65},
            {300, 130, 33},
            {33, 300, 129},
            {100, 16, 600},
            {16, 100, 1100},
            {513, 48, 31}
        };
        for (int[] s : sizes) {
            for (int way = 0; way < 4; way++) {
                for (DType type : new DType[] {DType.F32, DType.BF16}) {
                    agrees(s[0], s[1], s[2], (way & 1) != 0, (way & 2) != 0, 1, 0, type);
                    agrees(s[0], s[1], s[2], (way & 1) != 0, (way & 2) != 0, 2, 1, type);
                }
            }
        }
        agrees(70, 90, 50, false, true, 0.3f, 0.5f, DType.F32);
    }

    @Test
    void sumsLongRowsInChunks() {
        agrees(40, 72, 5000, false, false, 1, 0, DType.F32);
        agrees(40, 72, 5000, false, true, 1, 1, DType.F32);
        agrees(40, 72, 5000, true, false, 1, 1, DType.F32);
        agrees(40, 72, 5000, false, false, 1, 0, DType.BF16);
    }

    @Test
    void narrowsAnF32FactorBesideABf16One() {
        int m = 70;
        int n = 45;
        int k = 90;
        Tensor x = half(random(m * k), m, k);
        Tensor w = full(random(n * k), n, k);
        Tensor y = memory.take(m, n);
        kernels.matmul(x, false, w, true, 1, 0, y);
        double[] expected =
                Reference.matmul(doubles(read(x)), false, doubles(read(w)), true, 1, 0, new double[m * n], m, n, k);
        assertClose("x W^T", read(y), expected, ROUNDING, Math.sqrt(k));
        Tensor g = memory.take(DType.BF16, m, k);
        kernels.matmul(full(random(m * n), m, n), false, w, false, 1, 0, g);
        assertThat(read(g)).doesNotContain(Float.NaN);
    }

    @Test
    void multipliesWithAPackedMatrixBothWaysAndAddsAThinProduct() {
        for (int[] s : new int[][] {{1, 33, 7, 1}, {70, 40, 64, 3}, {300, 65, 130, 16}, {33, 96, 31, 4}}) {
            int m = s[0];
            int rows = s[1];
            int columns = s[2];
            int rank = s[3];
            Tensor w = half(random(rows * columns), rows, columns);
            Packed packed = kernels.pack(w, memory);
            Tensor unpacked = memory.take(rows, columns);
            kernels.unpack(packed, unpacked);
            assertThat(read(unpacked)).isEqualTo(read(w));
            for (boolean transposed : new boolean[] {false, true}) {
                int k = transposed ? columns : rows;
                int n = transposed ? rows : columns;
                Tensor a = half(random(m * k), m, k);
                Tensor h = half(random(m * rank), m, rank);
                Tensor b = full(random(n * rank), n, rank);
                for (DType type : new DType[] {DType.F32, DType.BF16}) {
                    Tensor c = type == DType.F32 ? full(random(m * n), m, n) : half(random(m * n), m, n);
                    double[] sum = Reference.matmul(
                            doubles(read(h)), false, doubles(read(b)), true, 2, 1, doubles(read(c)), m, n, rank);
                    double[] expected =
                            Reference.matmul(doubles(read(a)), false, doubles(read(w)), transposed, 1, 1, sum, m, n, k);
                    kernels.matmul(a, packed, transposed, new Term(h, b, true, 2), 1, c);
                    assertClose("with a term", read(c), expected, 3 * ROUNDING, Math.sqrt(k));
                }
                Tensor plain = memory.take(m, n);
                Tensor same = memory.take(m, n);
                kernels.matmul(a, false, w, transposed, 1, 0, plain);
                kernels.matmul(a, packed, transposed, null, 0, same);
                assertThat(read(same)).isEqualTo(read(plain));
            }
        }
    }

    @Test
    void walksALowRankLayerForwardAndBackward() {
        for (int[] s :
                new int[][] {{5, 8, 6, 2}, {70, 40, 64, 4}, {300, 66, 130, 16}, {33, 31, 96, 3}, {515, 96, 40, 8}}) {
            for (DType stream : new DType[] {DType.BF16, DType.F32}) {
                checkLowRank(s[0], s[1], s[2], s[3], stream, 0);
                checkLowRank(s[0], s[1], s[2], s[3], stream, 1);
            }
        }
    }

    /** @param stream of y and of dy */
    private void checkLowRank(int n, int in, int out, int rank, DType stream, float beta) {
        Tensor w = half(random(out * in), out, in);
        Tensor a = full(random(rank * in), rank, in);
        Tensor b = full(random(out * rank), out, rank);
        LowRankLayer layer = new LowRankLayer(kernels.pack(w, memory), false, a, b, 0.5f);
        Tensor x = half(random(n * in), n, in);
        Tensor y = as(stream, full(beta == 0 ? filled(n * out) : random(n * out), n, out));
        float[] start = read(y);
        double[] y0 = beta == 0 ? new double[n * out] : doubles(read(y));
        Tensor h = memory.take(DType.BF16, n, rank);
        kernels.lowRank(x, layer, beta == 0 ? null : y, h, y);
        float[] sum = read(y);
        if (beta == 1) {
            Tensor base = as(stream, full(start, n, out));
            kernels.upload(filled(n * out), 0, y);
            kernels.lowRank(x, layer, base, h, y);
            assertThat(read(y)).isEqualTo(sum);
        }
        double[] xs = doubles(read(x));
        double[] ws = doubles(read(w));
        double[] as = doubles(read(a));
        double[] bs = doubles(read(b));
        double[] hs = Reference.matmul(xs, false, as, true, 1, 0, new double[n * rank], n, rank, in);
        assertClose("h", read(h), hs, 3 * ROUNDING, Math.sqrt(in));
        double[] ys = Reference.matmul(xs, false, ws, true, 1, 1, y0, n, out, in);
        ys = Reference.matmul(hs, false, bs, true, 0.5, 1, ys, n, out, rank);
        assertClose("y", read(y), ys, 4 * ROUNDING, Math.sqrt(in));

        Tensor dy = as(stream, full(random(n * out), n, out));
        double[] dys = doubles(read(dy));
        double[] kept = doubles(read(h));
        Tensor dA = full(random(rank * in), rank, in);
        Tensor dB = full(random(out * rank), out, rank);
        Tensor dx = half(beta == 0 ? filled(n * in) : random(n * in), n, in);
        double[] dx0 = beta == 0 ? new double[n * in] : doubles(read(dx));
        double[] dA0 = doubles(read(dA));
        double[] dB0 = doubles(read(dB));
        kernels.lowRankBackward(dy, x, h, layer, dA, dB, beta, dx);
        double[] t = Reference.matmul(dys, false, bs, false, 0.5, 0, new double[n * rank], n, rank, out);
        assertClose(
                "dB",
                read(dB),
                Reference.matmul(dys, true, kept, false, 0.5, 1, dB0, out, rank, n),
                3 * ROUNDING,
                Math.sqrt(n));
        assertClose(
                "dA",
                read(dA),
                Reference.matmul(t, true, xs, false, 1, 1, dA0, rank, in, n),
                3 * ROUNDING,
                Math.sqrt(n));
        double[] dxs = Reference.matmul(dys, false, ws, false, 1, 1, dx0, n, in, out);
        dxs = Reference.matmul(t, false, as, false, 1, 1, dxs, n, in, rank);
        assertClose("dx", read(dx), dxs, 4 * ROUNDING, Math.sqrt(out));
        Tensor alone = full(random(rank * in), rank, in);
        kernels.lowRankBackward(dy, x, h, layer, alone, null, 0, null);
        assertThat(read(alone)).doesNotContain(Float.NaN);
    }

    @Test
    void computesWithFourBitsWhatItComputesWithTheirValuesInBf16() {
        for (int[] s : new int[][] {
            {5, 8, 6, 2}, {70, 64, 40, 4}, {300, 96, 130, 16}, {33, 31, 96, 3}, {515, 192, 64, 8}, {40, 128, 33, 2}
        }) {
            for (boolean doubled : new boolean[] {false, true}) {
                for (boolean transposed : new boolean[] {false, true}) {
                    checkFourBits(s[0], s[1], s[2], s[3], transposed, doubled);
                }
            }
        }
    }

    private void checkFourBits(int n, int in, int out, int rank, boolean transposed, boolean doubled) {
        int rows = transposed ? in : out;
        int columns = transposed ? out : in;
        Nf4 quantized = Nf4.allocate(memory, rows, columns, doubled);
        kernels.quantizeNf4(full(random(rows * columns), rows, columns), quantized);
        Tensor dense = memory.take(DType.BF16, rows, columns);
        kernels.dequantizeNf4(quantized, dense);
        Packed packed = kernels.pack(dense, memory);
        Tensor a = full(random(rank * in), rank, in);
        Tensor b = full(random(out * rank), out, rank);
        Tensor x = half(random(n * in), n, in);
        Tensor dy = half(random(n * out), n, out);
        Tensor h = memory.take(DType.BF16, n, rank);
        assertThat(results(x, dy, h, new LowRankLayer(quantized, transposed, a, b, 0.5f)))
                .isEqualTo(results(x, dy, h, new LowRankLayer(packed, transposed, a, b, 0.5f)));
        for (@Nullable Term term : new @Nullable Term[] {null, new Term(h, b, true, 2)}) {
            Tensor fromFour = memory.take(DType.BF16, n, out);
            Tensor fromSixteen = memory.take(DType.BF16, n, out);
            kernels.matmul(x, quantized, !transposed, term, 0, fromFour);
            kernels.matmul(x, packed, !transposed, term, 0, fromSixteen);
            assertThat(read(fromFour)).isEqualTo(read(fromSixteen));
        }
    }

    /** y, h, dA, dB and dx of a layer. */
    private float[][] results(Tensor x, Tensor dy, Tensor h, LowRankLayer layer) {
        Tensor y = memory.take(DType.BF16, dy.shape());
        kernels.lowRank(x, layer, null, h, y);
        Tensor dA = full(new float[layer.rank() * layer.inputs()], layer.rank(), layer.inputs());
        Tensor dB = full(new float[layer.outputs() * layer.rank()], layer.outputs(), layer.rank());
        Tensor dx = memory.take(DType.BF16, x.shape());
        kernels.lowRankBackward(dy, x, h, layer, dA, dB, 0, dx);
        return new float[][] {read(y), read(h), read(dA), read(dB), read(dx)};
    }

    @Test
    void aFeedForwardIsItsLayersOneByOne() {
        for (int[] s : new int[][] {{5, 8, 12, 2}, {70, 40, 66, 3}, {300, 64, 96, 16}, {530, 32, 64, 8}}) {
            for (Activation activation : new Activation[] {Activation.SILU, Activation.GELU_TANH}) {
                checkFeedForward(s[0], s[1], s[2], s[3], activation, false);
                checkFeedForward(s[0], s[1], s[2], s[3], activation, true);
            }
        }
    }

    /** Wide ones may go in slices, whose results are summed up. */
    @Test
    void aWideFeedForwardIsItsLayersOneByOne() {
        checkFeedForward(70, 512, 2050, 3, Activation.SILU, false);
        checkFeedForward(300, 64, 2944, 16, Activation.SILU, true);
        checkFeedForward(20, 40, 4160, 8, Activation.GELU_TANH, false);
    }

    private void checkFeedForward(int n, int width, int inner, int rank, Activation activation, boolean fourBits) {
        LowRankLayer gate = layer(width, inner, rank, fourBits);
        LowRankLayer up = layer(width, inner, rank + 1, fourBits);
        LowRankLayer down = layer(inner, width, rank, fourBits);
        FeedForwardLayers layers = new FeedForwardLayers(activation, gate, up, down);
        Tensor x = half(random(n * width), n, width);
        Tensor base = full(random(n * width), n, width);
        FeedForwardState kept = state(n, inner, rank);
        Tensor out = full(filled(n * width), n, width);
        kernels.feedForward(x, layers, base, kept, out);
        FeedForwardState one = state(n, inner, rank);
        Tensor a = memory.take(DType.BF16, n, inner);
        Tensor sum = memory.take(n, width);
        kernels.lowRank(x, gate, null, one.gateH(), one.gate());
        kernels.lowRank(x, up, null, one.upH(), one.up());
        kernels.gated(activation, one.gate(), one.up(), a);
        kernels.copy(base, sum);
        kernels.lowRank(a, down, sum, one.downH(), sum);
        assertClose("out", read(out), doubles(read(sum)), 3 * ROUNDING, 1);

        Tensor dOut = full(random(n * width), n, width);
        LowRankGradient[] whole = {gradient(gate), gradient(up), gradient(down)};
        Tensor dx = half(filled(n * width), n, width);
        kernels.feedForwardBackward(dOut, x, layers, kept, whole[0], whole[1], whole[2], dx);
        LowRankGradient[] each = {gradient(gate), gradient(up), gradient(down)};
        Tensor da = memory.take(DType.BF16, n, inner);
        Tensor dUp = memory.take(DType.BF16, n, inner);
        Tensor expected = memory.take(DType.BF16, n, width);
        kernels.lowRankBackward(dOut, a, one.downH(), down, each[2].a(), each[2].b(), 0, da);
        kernels.gatedBackward(activation, da, one.gate(), one.up(), da, dUp);
        kernels.lowRankBackward(da, x, one.gateH(), gate, each[0].a(), each[0].b(), 0, expected);
        kernels.lowRankBackward(dUp, x, one.upH(), up, each[1].a(), each[1].b(), 1, expected);
        assertClose("dx", read(dx), doubles(read(expected)), 4 * ROUNDING, 1);
        for (int i = 0; i < each.length; i++) {
            assertClose("dA " + i, read(whole[i].a()), doubles(read(each[i].a())), 3 * ROUNDING, Math.sqrt(n));
            assertClose("dB " + i, read(whole[i].b()), doubles(read(each[i].b())), 3 * ROUNDING, Math.sqrt(n));
        }
        kernels.feedForwardBackward(dOut, x, layers, kept, whole[0], NOT_WANTED, NOT_WANTED, null);
        assertThat(read(whole[0].a())).doesNotContain(Float.NaN);
    }

    @Test
    void layersThatReadTheSameAreThemselvesOneByOne() {
        for (int[] s : new int[][] {{5, 8, 12, 2}, {70, 40, 66, 3}, {300, 64, 96, 16}, {530, 32, 64, 8}}) {
            for (float beta : new float[] {0, 1}) {
                checkBranches(s[0], s[1], s[2], s[3], beta);
            }
        }
    }

    private void checkBranches(int n, int in, int out, int rank, float beta) {
        List<LowRankLayer> layers = List.of(
                layer(in, out, rank, false), layer(in, out / 2, rank + 1, true), layer(in, out / 2, rank, false));
        Tensor x = half(random(n * in), n, in);
        List<LowRankBranch> together = branches(layers, n);
        List<LowRankBranch> alone = branches(layers, n);
        kernels.lowRankBranches(x, together);
        for (int i = 0; i < layers.size(); i++) {
            kernels.lowRank(
                    x, layers.get(i), null, alone.get(i).h(), alone.get(i).y());
            assertThat(read(together.get(i).y())).isEqualTo(read(alone.get(i).y()));
            assertThat(read(together.get(i).h())).isEqualTo(read(alone.get(i).h()));
        }

        List<LowRankBranch> back = new ArrayList<>();
        List<LowRankGradient> gradients = new ArrayList<>();
        List<LowRankGradient> expected = new ArrayList<>();
        float[] before = random(n * in);
        Tensor dx = half(beta == 0 ? filled(n * in) : before, n, in);
        Tensor sum = half(beta == 0 ? new float[n * in] : before, n, in);
        for (int i = 0; i < layers.size(); i++) {
            LowRankLayer layer = layers.get(i);
            float[] values = random(n * layer.outputs());
            Tensor dy = i == 1 ? full(values, n, layer.outputs()) : half(values, n, layer.outputs());
            back.add(new LowRankBranch(layer, alone.get(i).h(), dy));
            gradients.add(gradient(layer));
            expected.add(gradient(layer));
            kernels.lowRankBackward(
                    dy,
                    x,
                    alone.get(i).h(),
                    layer,
                    expected.get(i).a(),
                    expected.get(i).b(),
                    1,
                    sum);
        }
        kernels.lowRankBranchesBackward(x, back, gradients, beta, dx);
        assertClose("dx", read(dx), doubles(read(sum)), 4 * ROUNDING, 1);
        for (int i = 0; i < layers.size(); i++) {
            assertClose(
                    "dA",
                    read(gradients.get(i).a()),
                    doubles(read(expected.get(i).a())),
                    ROUNDING,
                    Math.sqrt(n));
            assertClose(
                    "dB",
                    read(gradients.get(i).b()),
                    doubles(read(expected.get(i).b())),
                    ROUNDING,
                    Math.sqrt(n));
        }
        List<LowRankGradient> last = List.of(NOT_WANTED, NOT_WANTED, gradient(layers.get(2)));
        kernels.lowRankBranchesBackward(x, back, last, 0, null);
        assertThat(read(last.get(2).a())).isEqualTo(read(gradients.get(2).a()));
    }

    private List<LowRankBranch> branches(List<LowRankLayer> layers, int n) {
        return layers.stream()
                .map(layer -> new LowRankBranch(
                        layer,
                        memory.take(DType.BF16, n, layer.rank()),
                        half(filled(n * layer.outputs()), n, layer.outputs())))
                .toList();
    }

    @Test
    void branchesThatDoNotFitAreRefused() {
        LowRankLayer layer = layer(8, 6, 2, false);
        List<LowRankBranch> branches = branches(List.of(layer), 5);
        Tensor x = half(random(5 * 8), 5, 8);
        List<LowRankGradient> gradients = List.of(gradient(layer));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.lowRankBranches(half(random(5 * 7), 5, 7), branches))
                .withMessageContaining("lowRankBranches 0 x");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.lowRankBranches(x, List.of()))
                .withMessageContaining("no branches");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.lowRankBranchesBackward(x, branches, List.of(), 0, null))
                .withMessageContaining("1 branches and gradients of 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.lowRankBranchesBackward(x, branches, gradients, 0.5f, null))
                .withMessageContaining("beta");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.lowRank(
                        x,
                        layer,
                        memory.take(5, 6),
                        branches.getFirst().h(),
                        branches.getFirst().y()))
                .withMessageContaining("base is not of y's type");
    }

    private LowRankLayer layer(int in, int out, int rank, boolean fourBits) {
        Tensor w = full(random(out * in), out, in);
        FrozenMatrix frozen;
        if (fourBits) {
            Nf4 quantized = Nf4.allocate(memory, out, in, true);
            kernels.quantizeNf4(w, quantized);
            frozen = quantized;
        } else {
            frozen = kernels.pack(w, memory);
        }
        return new LowRankLayer(
                frozen, false, full(random(rank * in), rank, in), full(random(out * rank), out, rank), 0.5f);
    }

    private FeedForwardState state(int n, int inner, int rank) {
        return new FeedForwardState(
                memory.take(DType.BF16, n, inner),
                memory.take(DType.BF16, n, inner),
                memory.take(DType.BF16, n, rank),
                memory.take(DType.BF16, n, rank + 1),
                memory.take(DType.BF16, n, rank));
    }

    private LowRankGradient gradient(LowRankLayer layer) {
        return new LowRankGradient(
                full(new float[layer.rank() * layer.inputs()], layer.rank(), layer.inputs()),
                full(new float[layer.outputs() * layer.rank()], layer.outputs(), layer.rank()));
    }

    @Test
    void carriesWhatIsNotANumber() {
        float[] values = random(40 * 64);
        values[70] = Float.NaN;
        Tensor y = memory.take(DType.BF16, 40, 32);
        kernels.matmul(half(values, 40, 64), false, half(random(32 * 64), 32, 64), true, 1, 0, y);
        float[] result = read(y);
        assertThat(Arrays.copyOfRange(result, 0, 32)).doesNotContain(Float.NaN);
        assertThat(Arrays.copyOfRange(result, 32, 64)).containsOnly(Float.NaN);
        assertThat(kernels.allFinite(tensor(result))).isFalse();
    }

    @Test
    void keepsWhatIsNotANumberInItsRowWhereRowsAreOdd() {
        float[] values = random(40 * 63);
        values[63] = Float.NaN;
        Tensor y = memory.take(40, 32);
        kernels.matmul(half(values, 40, 63), false, half(random(32 * 63), 32, 63), true, 1, 0, y);
        assertThat(Arrays.copyOfRange(read(y), 0, 32)).doesNotContain(Float.NaN);
    }

    @Test
    void givesTheSameBitsAgain() {
        Tensor a = half(random(300 * 200), 300, 200);
        Tensor b = half(random(96 * 200), 96, 200);
        Tensor once = memory.take(300, 96);
        Tensor again = memory.take(300, 96);
        kernels.matmul(a, false, b, true, 1, 0, once);
        kernels.matmul(a, false, b, true, 1, 0, again);
        assertThat(read(again)).isEqualTo(read(once));
    }
}
