package dev.lowrank.engine.tape;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every operation of the tape against finite differences: along a random direction of all parameters together, and of
 * each by itself.
 */
class TapeOperationsTest {
    private static final int TOKENS = 7;
    private static final int WIDTH = 12;
    private static final int[] STARTS = {0, 3, 7};
    private static final long DROPOUT_KEY = 5;

    private final Kernels kernels = CpuKernels.open(2);
    private final Workspace memory = kernels.workspace();
    private final Workspace scratch = kernels.workspace();
    private final List<Parameter> parameters = new ArrayList<>();
    private final Parameter input = parameter("input", 0.7, TOKENS, WIDTH);

    @AfterEach
    void close() {
        scratch.close();
        memory.close();
        kernels.close();
    }

    @Test
    void embeddingAddsRowsThatOccurTwice() {
        assertGradientsFit(tape -> tape.embedding(ids(4, 2, 4, 0, 1, 2, 4), input));
    }

    @Test
    void scaledScalesTheGradient() {
        assertGradientsFit(tape -> tape.scaled(rows(tape), 1.7f));
    }

    @ParameterizedTest
    @ValueSource(ints = {WIDTH, 4})
    void rmsNormOfRowsAndOfHeads(int width) {
        Parameter weight = parameter("weight", 1, width);
        assertGradientsFit(tape -> tape.rmsNorm(rows(tape), weight, 1, 1e-5f, DType.F32));
    }

    @Test
    void layerNorm() {
        Parameter weight = parameter("weight", 1, WIDTH);
        Parameter bias = parameter("bias", 1, WIDTH);
        assertGradientsFit(tape -> tape.layerNorm(rows(tape), weight, bias, 1e-5f, DType.F32));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void linearWithWeightEitherWayRoundAndBias(boolean transposed) {
        Parameter weight = transposed ? parameter("w", 0.3, WIDTH, 5) : parameter("w", 0.3, 5, WIDTH);
        Parameter bias = parameter("bias", 1, 5);
        assertGradientsFit(tape -> tape.bias(tape.linear(rows(tape), weight, transposed, null), bias));
    }

    @ParameterizedTest
    @CsvSource({"0, false", "0.3, false", "0, true", "0.3, true"})
    void linearWithLora(float dropout, boolean transposed) {
        Parameter weight = transposed ? parameter("w", 0.3, WIDTH, 5) : parameter("w", 0.3, 5, WIDTH);
        LowRank lowRank = lowRank(5, dropout, null);
        assertGradientsFit(tape -> tape.linear(rows(tape), weight, transposed, lowRank));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void linearOfFourBits(boolean doubled) {
        FourBit weight = fourBit(5, WIDTH, doubled);
        LowRank lowRank = lowRank(5, 0.3f, null);
        assertGradientsFit(tape -> tape.linear(rows(tape), weight, false, null));
        assertGradientsFit(tape -> {
            Value x = rows(tape);
            return tape.sum(tape.linear(x, weight, false, lowRank), tape.linear(x, weight, false, null));
        });
    }

    /** A layer as one operation, with dropout, and without an adapter. */
    @ParameterizedTest
    @CsvSource({"0, true", "0.3, true", "0, false"})
    void fourBitsInBf16GiveWhatTheirValuesGive(float dropout, boolean adapted) {
        FourBit four = fourBit(6, WIDTH, true);
        Tensor dense = memory.take(DType.BF16, 6, WIDTH);
        kernels.dequantizeNf4(four.data(), dense);
        Frozen sixteen = new Frozen("w", kernels.pack(dense, memory));
        LowRank lowRank = adapted ? lowRank(6, dropout, null) : null;
        assertThat(inBf16(four, lowRank)).isEqualTo(inBf16(sixteen, lowRank));
    }

    /** What a layer gives in BF16, then the gradients of all parameters. */
    private float[][] inBf16(Matrix weight, @Nullable LowRank lowRank) {
        clearGradients();
        long mark = scratch.mark();
        Tape tape = recording();
        Parameter scale = frozen("scale", 1, WIDTH);
        Value y = tape.linear(tape.rmsNorm(rows(tape), scale, 1, 1e-5f, DType.BF16), weight, false, lowRank);
        Tensor dy = scratch.take(DType.BF16, y.data().shape());
        kernels.upload(weights(y.data().size()), 0, dy);
        y.gradient(dy);
        tape.backward();
        Stream<Tensor> gradients = parameters.stream().map(p -> Objects.requireNonNull(p.gradient()));
        float[][] all =
                Stream.concat(Stream.of(y.data()), gradients).map(this::values).toArray(float[][]::new);
        scratch.release(mark);
        return all;
    }

    private FourBit fourBit(int out, int in, boolean doubled) {
        Nf4 quantized = Nf4.allocate(memory, out, in, doubled);
        kernels.quantizeNf4(frozen("w", 0.3, out, in).value(), quantized);
        return new FourBit("w", quantized);
    }

    /** BF16 shows a slope only along a step that is long beside its roundings, so what is allowed is a share of the gradient. */
    @ParameterizedTest
    @EnumSource(
            value = Activation.class,
            names = {"SILU", "GELU_TANH"})
    void feedForwardInBf16(Activation activation) {
        assumeTrue(kernels.multipliesBf16(), "This processor does not multiply bf16.");
        int inner = 24;
        AdaptedLinear gate = adapted("gate", inner, WIDTH);
        AdaptedLinear up = adapted("up", inner, WIDTH);
        AdaptedLinear down = adapted("down", WIDTH, inner);
        Parameter scale = frozen("scale", 1, WIDTH);
        Parameter stream = frozen("stream", 1, TOKENS, WIDTH);
        Function<Tape, Value> pass = tape -> {
            Value x = tape.rmsNorm(rows(tape), scale, 1, 1e-5f, DType.BF16);
            assertThat(tape.fuses(x, gate, up, down)).isTrue();
            return tape.feedForward(tape.constant(stream.value()), x, activation, gate, up, down);
        };
        assertGradientsFitInBf16(pass);
    }

    @Test
    void layersThatReadTheSameInBf16() {
        assumeTrue(kernels.multipliesBf16(), "This processor does not multiply bf16.");
        List<AdaptedLinear> layers = List.of(adapted("q", 6, WIDTH), adapted("k", 6, WIDTH), adapted("v", 6, WIDTH));
        Parameter scale = frozen("scale", 1, WIDTH);
        assertGradientsFitInBf16(tape -> {
            Value x = tape.rmsNorm(rows(tape), scale, 1, 1e-5f, DType.BF16);
            List<Value> results = tape.linears(x, layers);
            Value qk = tape.sum(tape.as(DType.F32, results.get(0)), tape.as(DType.F32, results.get(1)));
            return tape.sum(qk, tape.as(DType.F32, results.get(2)));
        });
    }

    @Test
    void aLayerWhoseResultIsNotUsedHasNoGradient() {
        assumeTrue(kernels.multipliesBf16(), "This processor does not multiply bf16.");
        List<AdaptedLinear> layers = List.of(adapted("q", 6, WIDTH), adapted("k", 6, WIDTH));
        Parameter scale = frozen("scale", 1, WIDTH);
        backward(tape -> {
            Value x = tape.rmsNorm(rows(tape), scale, 1, 1e-5f, DType.BF16);
            return tape.as(DType.F32, tape.linears(x, layers).get(1));
        });
        assertThat(values(Objects.requireNonNull(layers.get(0).lowRank().a().gradient())))
                .containsOnly(0);
        assertThat(values(Objects.requireNonNull(layers.get(1).lowRank().a().gradient())))
                .doesNotContain(0);
    }

    private void assertGradientsFitInBf16(Function<Tape, Value> pass) {
        backward(pass);
        for (Parameter p : parameters) {
            double length = 0;
            for (float g : values(Objects.requireNonNull(p.gradient()))) {
                length += (double) g * g;
            }
            assertThat(alongDirection(List.of(p)))
                    .as(p.name())
                    .isCloseTo(slope(List.of(p), 0.1, () -> weighted(pass)), offset(0.15 * Math.sqrt(length)));
        }
    }

    private AdaptedLinear adapted(String name, int out, int in) {
        Frozen weight = new Frozen(name, kernels.pack(frozen(name, 0.3, out, in).value(), memory));
        Parameter a = parameter(name + " a", 0.5, 2, in);
        Parameter b = parameter(name + " b", 0.5, out, 2);
        return new AdaptedLinear(weight, false, new LowRank(a, b, 0.5f, 0, 1, null));
    }

    @Test
    void noiseLetsTheGradientThrough() {
        Parameter factor = parameter("factor", 1, WIDTH);
        assertGradientsFit(tape -> {
            Value x = rows(tape);
            tape.noise(x, 1, 4, 0.5f, 2);
            return tape.rescaled(x, factor);
        });
    }

    @Test
    void biasOfAFrozenLayerIsTrainedAlone() {
        Parameter bias = parameter("bias", 1, WIDTH);
        Tensor data = memory.take(TOKENS, WIDTH);
        fill(data, 77, 1);
        assertGradientsFit(tape -> {
            Tensor copy = scratch.take(TOKENS, WIDTH);
            kernels.copy(data, copy);
            return tape.bias(tape.constant(copy), bias);
        });
    }

    @Test
    void rescaledByColumns() {
        Parameter factor = parameter("factor", 1, WIDTH);
        assertGradientsFit(tape -> tape.rescaled(rows(tape), factor));
    }

    /** The length of the updated rows is a constant of the pass: only z and m are differentiated. */
    @Test
    void magnitudeOfDora() {
        Parameter m = parameter("m", 1, WIDTH);
        Parameter weight = frozen("w", 0.5, WIDTH, 5);
        LowRank fixed = new LowRank(frozen("a", 0.5, 2, 5), frozen("b", 0.5, WIDTH, 2), 0.5f, 0, 1, m);
        assertGradientsFit(tape -> tape.magnitude(rows(tape), weight, false, fixed));
    }

    @Test
    void dropoutAndDifference() {
        assertGradientsFit(tape -> {
            Value x = rows(tape);
            return tape.difference(x, tape.dropout(x, 0.4f, 3));
        });
    }

    @Test
    void sumOfAValueUsedTwice() {
        Parameter factor = parameter("factor", 1, WIDTH);
        assertGradientsFit(tape -> {
            Value x = rows(tape);
            return tape.sum(tape.rescaled(x, factor), x);
        });
    }

    @Test
    void residualSharesItsGradient() {
        Parameter factor = parameter("factor", 1, WIDTH);
        assertGradientsFit(tape -> {
            Value x = rows(tape);
            return tape.residual(x, tape.rescaled(tape.rescaled(x, factor), factor));
        });
    }

    @Test
    void splitJoinsTheGradientsOfItsParts() {
        assertGradientsFit(tape -> {
            List<Value> parts = tape.split(rows(tape), 4, 4, 4);
            return tape.gated(Activation.SILU, parts.get(0), tape.sum(parts.get(1), parts.get(2)));
        });
    }

    @Test
    void ropeOfAPartOfEachHead() {
        Tensor cos = memory.take(8, 2);
        Tensor sin = memory.take(8, 2);
        fill(cos, 3, 1);
        fill(sin, 4, 1);
        assertGradientsFit(tape -> tape.rope(rows(tape), 2, ids(0, 1, 2, 0, 1, 2, 3), cos, sin));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void attentionWithAndWithoutAWindow(int window) {
        Parameter keys = parameter("k", 0.7, TOKENS, WIDTH / 2);
        Parameter values = parameter("v", 0.7, TOKENS, WIDTH / 2);
        AttentionShape shape = new AttentionShape(2, 1, 0.4f, window, 3);
        assertGradientsFit(tape ->
                tape.attention(rows(tape), rows(tape, keys), rows(tape, values), Sequences.ofStarts(STARTS), shape));
    }

    @Test
    void attentionBehindLearnedKeysAndValues() {
        Parameter table = parameter("prefix", 0.7, 3, 2 * WIDTH);
        Parameter keys = parameter("k", 0.7, TOKENS, WIDTH);
        AttentionShape shape = new AttentionShape(2, 2, 0.4f, 0, 0);
        Sequences behind = new Sequences(STARTS, new int[] {0, 6, 13});
        assertGradientsFit(tape -> tape.attention(
                rows(tape),
                tape.prefixed(rows(tape, keys), table, 0, STARTS),
                tape.prefixed(rows(tape, keys), table, WIDTH, STARTS),
                behind,
                shape));
    }

    @Test
    void prefixedAndWithoutPrefix() {
        Parameter table = parameter("prompt", 0.7, 2, WIDTH);
        Parameter factor = parameter("factor", 1, WIDTH);
        assertGradientsFit(tape ->
                tape.withoutPrefix(tape.rescaled(tape.prefixed(rows(tape), table, 0, STARTS), factor), 2, STARTS));
        assertGradientsFit(tape -> tape.prefixed(rows(tape), table, 0, STARTS));
    }

    @ParameterizedTest
    @EnumSource
    void activations(Activation activation) {
        Parameter up = parameter("up", 1, TOKENS, WIDTH);
        assertGradientsFit(tape -> tape.activation(activation, rows(tape)));
        assertGradientsFit(tape -> tape.gated(activation, rows(tape), rows(tape, up)));
    }

    @Test
    void checkpointedComputesThePartOnceMore() {
        Parameter weight = parameter("w", 0.3, WIDTH, WIDTH);
        LowRank lowRank = lowRank(WIDTH, 0.3f, null);
        Parameter norm = parameter("norm", 1, WIDTH);
        Function<Tape, Value> pass = tape -> tape.checkpointed(
                rows(tape),
                (part, x) -> part.residual(
                        x, part.linear(part.rmsNorm(x, norm, 0, 1e-5f, DType.F32), weight, false, lowRank)));
        assertGradientsFit(pass);
    }

    @Test
    void crossEntropyWithRowScalesAndACap() {
        Parameter head = parameter("head", 0.5, 9, WIDTH);
        Tensor labels = memory.take(DType.I32, TOKENS);
        kernels.upload(new int[] {1, Kernels.IGNORED, 8, 0, 3, 3, 5}, labels);
        float[] scales = {1, 5, 0.5f, 2, -1, 1, 0};
        Tensor rowScale = memory.take(TOKENS);
        kernels.upload(scales, 0, rowScale);
        Tensor losses = memory.take(TOKENS);
        Supplier<Double> loss = () -> {
            Tape tape = recording();
            Value hidden = rows(tape);
            tape.crossEntropy(hidden, head, new TokenLoss(labels, 0.7f, rowScale, 2), losses);
            float[] each = values(losses);
            double weighted = 0;
            for (int n = 0; n < TOKENS; n++) {
                weighted += 0.7 * scales[n] * each[n];
            }
            return weighted;
        };
        clearGradients();
        long mark = scratch.mark();
        Tape tape = recording();
        tape.crossEntropy(rows(tape), head, new TokenLoss(labels, 0.7f, rowScale, 2), losses);
        tape.backward();
        scratch.release(mark);
        assertSlopesFit(loss);
    }

    private LowRank lowRank(int out, float dropout, Parameter magnitude) {
        return new LowRank(parameter("a", 0.3, 2, WIDTH), parameter("b", 0.3, out, 2), 0.5f, dropout, 1, magnitude);
    }

    private void assertGradientsFit(Function<Tape, Value> pass) {
        backward(pass);
        assertSlopesFit(() -> weighted(pass));
        parameters.stream()
                .filter(Parameter::trainable)
                .forEach(p -> assertThat(values(Objects.requireNonNull(p.gradient())))
                        .as(p.name())
                        .doesNotContain(Float.NaN));
    }

    /** Leaves the gradients of what {@link #weighted} gives. */
    private void backward(Function<Tape, Value> pass) {
        clearGradients();
        long mark = scratch.mark();
        Tape tape = recording();
        Value y = pass.apply(tape);
        Tensor dy = scratch.take(y.data().shape());
        kernels.upload(weights(y.data().size()), 0, dy);
        y.gradient(dy);
        tape.backward();
        scratch.release(mark);
    }

    private double weighted(Function<Tape, Value> pass) {
        float[] out = values(pass.apply(recording()).data());
        float[] weights = weights(out.length);
        double sum = 0;
        for (int i = 0; i < out.length; i++) {
            sum += (double) out[i] * weights[i];
        }
        return sum;
    }

    /** All parameters together, and each by itself. */
    private void assertSlopesFit(Supplier<Double> function) {
        List<List<Parameter>> choices = Stream.concat(
                        Stream.of(parameters), parameters.stream().map(List::of))
                .toList();
        // All of them first: the function may add to gradients, as cross-entropy does.
        List<Double> predicted = choices.stream().map(this::alongDirection).toList();
        for (int i = 0; i < choices.size(); i++) {
            double slope = slope(choices.get(i), 4e-3, function);
            assertThat(predicted.get(i))
                    .as(choices.get(i).stream().map(Parameter::name).toList().toString())
                    .isCloseTo(slope, offset(2e-3 * (1 + Math.abs(slope))));
        }
    }

    /** Slope of a function of some parameters along their direction, by central differences. */
    private double slope(List<Parameter> moving, double step, Supplier<Double> function) {
        return (moved(moving, step, function) - moved(moving, -step, function)) / (2 * step);
    }

    private double moved(List<Parameter> moving, double step, Supplier<Double> function) {
        List<float[]> kept = moving.stream().map(p -> values(p.value())).toList();
        for (Parameter p : moving) {
            float[] from = values(p.value());
            float[] direction = direction(p);
            for (int i = 0; i < from.length; i++) {
                from[i] += (float) (step * direction[i]);
            }
            kernels.upload(from, 0, p.value());
        }
        long mark = scratch.mark();
        double value = function.get();
        scratch.release(mark);
        for (int i = 0; i < kept.size(); i++) {
            kernels.upload(kept.get(i), 0, moving.get(i).value());
        }
        return value;
    }

    private double alongDirection(List<Parameter> moving) {
        double sum = 0;
        for (Parameter p : moving) {
            float[] g = values(Objects.requireNonNull(p.gradient()));
            float[] direction = direction(p);
            for (int i = 0; i < g.length; i++) {
                sum += (double) g[i] * direction[i];
            }
        }
        return sum;
    }

    private void clearGradients() {
        parameters.stream()
                .filter(Parameter::trainable)
                .forEach(p -> kernels.zero(Objects.requireNonNull(p.gradient())));
    }

    private Tape recording() {
        return Tape.recording(kernels, scratch, DROPOUT_KEY);
    }

    /** The input's rows as a value of their own, which operations may change in place. */
    private Value rows(Tape tape) {
        return rows(tape, input);
    }

    private Value rows(Tape tape, Parameter table) {
        int[] all = new int[table.rows()];
        Arrays.setAll(all, i -> i);
        return tape.embedding(ids(all), table);
    }

    private Tensor ids(int... ids) {
        Tensor tensor = scratch.take(DType.I32, ids.length);
        kernels.upload(ids, tensor);
        return tensor;
    }

    private Parameter parameter(String name, double deviation, long... shape) {
        Parameter parameter = new Parameter(name, memory.take(shape), memory.take(shape));
        fill(parameter.value(), name.hashCode(), deviation);
        parameters.add(parameter);
        return parameter;
    }

    private Parameter frozen(String name, double deviation, long... shape) {
        Parameter parameter = new Parameter(name, memory.take(shape), null);
        fill(parameter.value(), name.hashCode(), deviation);
        return parameter;
    }

    private void fill(Tensor tensor, long key, double deviation) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (deviation * CounterRandom.normal(key, i));
        }
        kernels.upload(values, 0, tensor);
    }

    private static float[] direction(Parameter p) {
        float[] direction = new float[Math.toIntExact(p.value().size())];
        for (int i = 0; i < direction.length; i++) {
            direction[i] = (float) CounterRandom.normal(p.name().hashCode() + 1000L, i);
        }
        return direction;
    }

    private static float[] weights(long count) {
        float[] weights = new float[Math.toIntExact(count)];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) CounterRandom.normal(99, i);
        }
        return weights;
    }

    private float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }
}
