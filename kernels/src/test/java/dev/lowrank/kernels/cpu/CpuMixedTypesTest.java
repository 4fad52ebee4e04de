package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Bf16Reference;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * What a tensor is stored as changes nothing but its last rounding: from the same numbers, whichever activations are BF16,
 * come the bits that all in F32 give, and where the result is BF16 these rounded once.
 */
class CpuMixedTypesTest {
    private static final int ROWS = 61; // With COLUMNS, enough elements to be divided, and odd shares of them.
    private static final int COLUMNS = 579;
    private static final int HEADS = 3;

    private static Kernels kernels;

    private interface Operation {
        void run(Operands operands);
    }

    @BeforeAll
    static void open() {
        kernels = CpuKernels.open(3);
    }

    @AfterAll
    static void close() {
        kernels.close();
    }

    @Test
    void sumsAndFactors() {
        everyMix(3, a -> kernels.add(a.matrix(), a.matrix(), a.result()));
        everyMix(1, a -> kernels.scale(a.result(), 1.7f));
        everyMix(1, a -> kernels.softCap(a.result(), 1.5f));
        everyMix(1, a -> kernels.addBias(a.result(), a.floats(COLUMNS)));
        everyMix(1, a -> kernels.columnSums(a.matrix(), a.floatResult(COLUMNS)));
        everyMix(2, a -> kernels.scaleColumns(a.matrix(), a.floats(COLUMNS), a.result()));
        everyMix(
                3,
                a -> kernels.scaleColumnsBackward(
                        a.matrix(), a.matrix(), a.floats(COLUMNS), a.result(), a.floatResult(COLUMNS)));
    }

    @Test
    void reductions() {
        everyMix(1, a -> kernels.rowNorms(a.matrix(), a.floatResult(ROWS)));
        everyMix(1, a -> a.number(kernels.sumOfSquares(a.matrix())));
        everyMix(1, a -> assertThat(kernels.allFinite(a.matrix())).isTrue());
    }

    @Test
    void embeddings() {
        everyMix(2, a -> kernels.embedding(a.ids(), a.matrix(), a.result()));
        everyMix(1, a -> kernels.embeddingBackward(a.ids(), a.matrix(), a.floatResult(ROWS, COLUMNS)));
    }

    @Test
    void norms() {
        everyMix(2, a -> kernels.rmsNorm(a.matrix(), a.floats(COLUMNS), 1, 1e-5f, a.result(), a.floatResult(ROWS)));
        everyMix(
                3,
                a -> kernels.rmsNormBackward(
                        a.matrix(),
                        a.matrix(),
                        a.floats(COLUMNS),
                        1,
                        a.floats(ROWS),
                        a.result(),
                        a.floatResult(COLUMNS)));
        everyMix(
                2,
                a -> kernels.layerNorm(
                        a.matrix(),
                        a.floats(COLUMNS),
                        a.floats(COLUMNS),
                        1e-5f,
                        a.result(),
                        a.floatResult(ROWS),
                        a.floatResult(ROWS)));
        everyMix(
                3,
                a -> kernels.layerNormBackward(
                        a.matrix(),
                        a.matrix(),
                        a.floats(COLUMNS),
                        a.floats(ROWS),
                        a.floats(ROWS),
                        a.result(),
                        a.floatResult(COLUMNS),
                        a.floatResult(COLUMNS)));
    }

    @Test
    void positions() {
        for (int half : new int[] {20, COLUMNS / HEADS / 2}) { // A few elements of a head are left as they are, or one.
            for (boolean transposed : new boolean[] {false, true}) {
                everyMix(
                        1,
                        a -> kernels.rope(
                                a.result(), HEADS, a.ids(), a.floats(ROWS, half), a.floats(ROWS, half), transposed));
            }
        }
    }

    @Test
    void activations() {
        for (Activation activation : Activation.values()) {
            // Of BF16 alone, SiLU's gate has an arithmetic of its own (HalfSigmoid): its results may be neighbours.
            boolean nearly = activation == Activation.SILU;
            everyMix(3, nearly, a -> kernels.gated(activation, a.matrix(), a.matrix(), a.result()));
            everyMix(
                    5,
                    nearly,
                    a -> kernels.gatedBackward(activation, a.matrix(), a.matrix(), a.matrix(), a.result(), a.result()));
            everyMix(2, a -> kernels.activation(activation, a.matrix(), a.result()));
            everyMix(3, a -> kernels.activationBackward(activation, a.matrix(), a.matrix(), a.result()));
        }
    }

    @Test
    void randomness() {
        everyMix(2, a -> kernels.dropout(a.matrix(), 0.3f, 5, false, a.result()));
        everyMix(2, a -> kernels.dropout(a.matrix(), 0.3f, 5, true, a.result()));
        everyMix(1, a -> kernels.addUniformNoise(a.result(), 0.3f, 6));
    }

    @Test
    void frozenWeights() {
        for (boolean doubled : new boolean[] {false, true}) {
            everyMix(1, a -> kernels.dequantizeNf4(a.quantized(doubled), a.result()));
        }
    }

    private static void everyMix(int activations, Operation operation) {
        everyMix(activations, false, operation);
    }

    /** @param nearly whether what is all BF16 may give a neighbour of what is expected, for one element in fifty */
    private static void everyMix(int activations, boolean nearly, Operation operation) {
        List<Result> plain = results(0, activations, operation);
        for (int mix = 1; mix < 1 << activations; mix++) {
            List<Result> mixed = results(mix, activations, operation);
            assertThat(mixed).hasSameSizeAs(plain);
            for (int i = 0; i < mixed.size(); i++) {
                float[] values = plain.get(i).values;
                float[] expected = mixed.get(i).half ? Bf16Reference.round(values.clone()) : values;
                String what = "result %d of the mix %s".formatted(i, Integer.toBinaryString(mix));
                if (nearly && mix == (1 << activations) - 1) {
                    assertNear(what, mixed.get(i).values, expected);
                } else {
                    assertThat(Arrays.mismatch(mixed.get(i).values, expected))
                            .as(what)
                            .isEqualTo(-1);
                }
            }
        }
    }

    private static void assertNear(String what, float[] actual, float[] expected) {
        int others = 0;
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as(what).isCloseTo(expected[i], within(Math.abs(expected[i]) * 0x1p-7f));
            others += actual[i] == expected[i] ? 0 : 1;
        }
        assertThat(others).as(what).isLessThanOrEqualTo(expected.length / 50);
    }

    private static List<Result> results(int mix, int activations, Operation operation) {
        try (Workspace workspace = kernels.workspace()) {
            Operands operands = new Operands(mix, workspace);
            operation.run(operands);
            assertThat(operands.taken).as("activations").isEqualTo(activations);
            return operands.written.stream().map(Result::of).toList();
        }
    }

    private record Result(float[] values, boolean half) {
        static Result of(Tensor tensor) {
            float[] values = new float[(int) tensor.size()];
            kernels.download(tensor, values, 0);
            return new Result(values, tensor.dtype() == DType.BF16);
        }
    }

    /** The same numbers for every mix, all such as BF16 holds; bit i of the mix says whether activation i is BF16. */
    private static final class Operands {
        private final int mix;
        private final Workspace workspace;
        private final Random random = new Random(3);
        private final List<Tensor> written = new ArrayList<>();
        private int taken;

        Operands(int mix, Workspace workspace) {
            this.mix = mix;
            this.workspace = workspace;
        }

        /** An activation that is read. */
        Tensor matrix() {
            boolean half = (mix >> taken++ & 1) == 1;
            return random(half ? DType.BF16 : DType.F32, ROWS, COLUMNS);
        }

        /** An activation that is written, or added to. */
        Tensor result() {
            return kept(matrix());
        }

        Tensor floats(long... shape) {
            return random(DType.F32, shape);
        }

        Tensor floatResult(long... shape) {
            return kept(floats(shape));
        }

        /** A number that does not depend on what is stored. */
        void number(double value) {
            Tensor tensor = workspace.take(2);
            kernels.upload(new float[] {(float) value, (float) (value - (float) value)}, 0, tensor);
            written.add(tensor);
        }

        /** A row for each row. */
        Tensor ids() {
            int[] ids = new int[ROWS];
            for (int i = 0; i < ROWS; i++) {
                ids[i] = random.nextInt(ROWS);
            }
            Tensor tensor = workspace.take(DType.I32, ROWS);
            kernels.upload(ids, tensor);
            return tensor;
        }

        Nf4 quantized(boolean doubled) {
            Nf4 weight = Nf4.allocate(workspace, ROWS, COLUMNS, doubled);
            kernels.quantizeNf4(floats(ROWS, COLUMNS), weight);
            return weight;
        }

        private Tensor kept(Tensor tensor) {
            written.add(tensor);
            return tensor;
        }

        private Tensor random(DType dtype, long... shape) {
            Tensor tensor = workspace.take(dtype, shape);
            float[] values = new float[(int) tensor.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            kernels.upload(Bf16Reference.round(values), 0, tensor);
            return tensor;
        }
    }
}
