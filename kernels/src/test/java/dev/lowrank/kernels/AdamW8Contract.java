package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What every implementation of the 8-bit optimizer must do. */
public abstract class AdamW8Contract extends KernelsFixture {
    private static final int BLOCK = AdamW8State.BLOCK;

    private float[] signed;
    private float[] unsigned;

    /** The 256 numbers that codes of m stand for. */
    protected abstract float[] signedMap();

    /** The 256 numbers that codes of v stand for. */
    protected abstract float[] unsignedMap();

    @BeforeAll
    void readMaps() {
        signed = signedMap();
        unsigned = unsignedMap();
    }

    @Test
    void followsThePlainTwinBitForBit() {
        for (int size : new int[] {1, 255, 256, 257, 1000, 40_001}) {
            float[] start = Numbers.random(random, size);
            Tensor parameter = tensor(start);
            AdamW8State state = AdamW8State.zero(kernels, memory, size);
            Twin twin = new Twin(start.clone());
            for (int t = 1; t <= 5; t++) {
                AdamWStep step = new AdamWStep(t, 1e-2, 0.9, 0.999, 1e-8, 0.1);
                float[] g = gradients(size);
                kernels.adamW8bit(parameter, tensor(g), state, step);
                twin.update(g, step);
                assertThat(floats(parameter)).as("p of %d in step %d", size, t).isEqualTo(twin.p);
                assertThat(bytes(state.m())).as("m of %d in step %d", size, t).isEqualTo(twin.m);
                assertThat(bytes(state.v())).as("v of %d in step %d", size, t).isEqualTo(twin.v);
                assertThat(floats(state.mScale()))
                        .as("mScale of %d in step %d", size, t)
                        .isEqualTo(twin.mScale);
                assertThat(floats(state.vScale()))
                        .as("vScale of %d in step %d", size, t)
                        .isEqualTo(twin.vScale);
            }
        }
    }

    /** Over many magnitudes, so that all of the maps is met. */
    private float[] gradients(int size) {
        float[] g = Numbers.random(random, size);
        for (int i = 0; i < size; i++) {
            g[i] *= (float) Math.pow(10, -6 * random.nextDouble());
        }
        return g;
    }

    @Test
    void staysNearAdamWInDoubleWhileAveragesKeepTheirSize() {
        int size = 5000;
        float[] start = Numbers.random(random, size);
        double[] p = Numbers.doubles(start);
        double[] m = new double[size];
        double[] v = new double[size];
        Tensor parameter = tensor(start);
        AdamW8State state = AdamW8State.zero(kernels, memory, size);
        float[] direction = Numbers.random(random, size);
        for (int t = 1; t <= 20; t++) {
            float[] g = Numbers.random(random, size);
            for (int i = 0; i < size; i++) {
                g[i] = 0.1f * g[i] + Math.copySign(1, direction[i]);
            }
            AdamWStep step = new AdamWStep(t, 1e-2, 0.9, 0.999, 1e-8, 0);
            kernels.adamW8bit(parameter, tensor(g), state, step);
            Reference.adamW(p, Numbers.doubles(g), m, v, step);
        }
        float[] actual = floats(parameter);
        for (int i = 0; i < size; i++) {
            // All moved by about 20 x 0.01; a code is within 0.7 % of its block's largest.
            assertThat(Math.abs(p[i] - start[i])).isGreaterThan(0.15);
            assertThat((double) actual[i]).isCloseTo(p[i], within(0.01));
        }
    }

    @Test
    void findsTheMinimumThatAdamWFinds() {
        int size = 8192;
        float[] target = Numbers.random(random, size);
        Tensor eight = tensor(new float[size]);
        Tensor full = tensor(new float[size]);
        AdamW8State state = AdamW8State.zero(kernels, memory, size);
        Tensor m = tensor(new float[size]);
        Tensor v = tensor(new float[size]);
        int steps = 400;
        for (int t = 1; t <= steps; t++) {
            AdamWStep step = new AdamWStep(t, 0.05 * (steps - t + 1) / steps, 0.9, 0.999, 1e-8, 0);
            kernels.adamW8bit(eight, tensor(slope(eight, target)), state, step);
            kernels.adamW(full, tensor(slope(full, target)), m, v, step);
        }
        double start = meanSquare(new float[size], target);
        assertThat(meanSquare(floats(full), target)).isLessThan(1e-6 * start);
        assertThat(meanSquare(floats(eight), target)).isLessThan(1e-5 * start);
    }

    private float[] slope(Tensor at, float[] target) {
        float[] g = floats(at);
        for (int i = 0; i < g.length; i++) {
            g[i] -= target[i];
        }
        return g;
    }

    private static double meanSquare(float[] x, float[] target) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += (double) (x[i] - target[i]) * (x[i] - target[i]);
        }
        return sum / x.length;
    }

    @Test
    void decaysAfterTheStep() {
        Tensor p = tensor(1);
        AdamW8State state = AdamW8State.zero(kernels, memory, 1);
        kernels.adamW8bit(p, tensor(1), state, new AdamWStep(1, 0.5, 0.9, 0.999, 1e-12, 0.1));
        assertThat(floats(p)[0]).isCloseTo(0.5f * 0.95f, within(1e-5f)); // Decay first would leave 0.45.
    }

    @Test
    void scalesEpsilonByTheSecondCorrection() {
        Tensor p = tensor(0);
        AdamW8State state = AdamW8State.zero(kernels, memory, 1);
        kernels.adamW8bit(p, tensor(1), state, new AdamWStep(1, 1, 0.9, 0.999, 1, 0));
        // c1 = 0.1, c2 = sqrt(0.001): c2 / c1 * 0.1 / (sqrt(0.001) + c2) = 1/2.
        assertThat(floats(p)[0]).isCloseTo(-0.5f, within(1e-5f));
    }

    @Test
    void skipsGradientsThatAreNotFinite() {
        int size = 300;
        float[] start = Numbers.random(random, size);
        Tensor p = tensor(start);
        AdamW8State state = AdamW8State.zero(kernels, memory, size);
        float[] g = Numbers.random(random, size);
        kernels.adamW8bit(p, tensor(g), state, new AdamWStep(1, 0.01, 0.9, 0.999, 1e-8, 0.1));
        float[] before = floats(p);
        g[3] = Float.NaN;
        g[4] = Float.POSITIVE_INFINITY;
        g[299] = Float.NEGATIVE_INFINITY;
        kernels.adamW8bit(p, tensor(g), state, new AdamWStep(2, 0.01, 0.9, 0.999, 1e-8, 0.1));
        float[] after = floats(p);
        byte[] m = bytes(state.m());
        byte[] v = bytes(state.v());
        for (int i = 0; i < size; i++) {
            boolean skipped = i == 3 || i == 4 || i == 299;
            assertThat(after[i] == before[i]).as("%d", i).isEqualTo(skipped);
            assertThat(after[i]).isFinite();
            if (skipped) {
                assertThat(m[i]).isEqualTo((byte) 127);
                assertThat(v[i]).isZero();
            }
        }
    }

    @Test
    void survivesSquaresBeyondTheRangeOfFloats() {
        Tensor p = tensor(1, 1);
        AdamW8State state = AdamW8State.zero(kernels, memory, 2);
        for (int t = 1; t <= 3; t++) {
            kernels.adamW8bit(p, tensor(1e30f, 1), state, new AdamWStep(t, 0.1, 0.9, 0.999, 1e-8, 0));
        }
        assertThat(floats(p)).doesNotContain(Float.NaN);
        assertThat(floats(state.vScale())[0]).isFinite();
    }

    @Test
    void keepsTheSignOfTheFirstAverage() {
        float[] g = new float[BLOCK];
        g[0] = 1;
        g[1] = -1e-9f;
        g[2] = 1e-9f;
        AdamW8State state = AdamW8State.zero(kernels, memory, BLOCK);
        kernels.adamW8bit(tensor(new float[BLOCK]), tensor(g), state, new AdamWStep(1, 0.01, 0.9, 0.999, 1e-8, 0));
        assertThat(bytes(state.m())).startsWith(255, 126, 127, 127);
    }

    @Test
    void blockWithoutGradientStaysAtZero() {
        AdamW8State state = AdamW8State.zero(kernels, memory, 2 * BLOCK);
        Tensor p = tensor(Numbers.random(random, 2 * BLOCK));
        float[] before = floats(p);
        kernels.adamW8bit(p, tensor(new float[2 * BLOCK]), state, new AdamWStep(1, 0.01, 0.9, 0.999, 1e-8, 0));
        assertThat(floats(p)).isEqualTo(before);
        assertThat(floats(state.mScale())).containsOnly(0);
        assertThat(bytes(state.m())).containsOnly(127);
        assertThat(bytes(state.v())).containsOnly(0);
    }

    @Test
    void refusesTensorsThatDoNotFit() {
        AdamWStep step = new AdamWStep(1, 0.01, 0.9, 0.999, 1e-8, 0);
        AdamW8State state = AdamW8State.zero(kernels, memory, 300);
        Tensor right = tensor(new float[300]);
        Tensor wrong = tensor(new float[299]);
        Runnable[] calls = {
            () -> kernels.adamW8bit(wrong, right, state, step),
            () -> kernels.adamW8bit(right, wrong, state, step),
            () -> kernels.adamW8bit(wrong, wrong, state, step),
            () -> kernels.adamW8bit(state.m(), right, state, step),
            () -> kernels.adamW8bit(right, right, state, new AdamWStep(0, 0.01, 0.9, 0.999, 1e-8, 0)),
            () -> new AdamW8State(right, state.mScale(), state.v(), state.vScale()),
            () -> new AdamW8State(state.m(), right, state.v(), state.vScale()),
            () -> new AdamW8State(state.m(), state.mScale(), right, state.vScale()),
            () -> new AdamW8State(state.m(), state.mScale(), state.v(), right),
        };
        for (int i = 0; i < calls.length; i++) {
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(calls[i]::run);
        }
    }

    /** The update in plain fp32, with the nearest code found by trying all 256. */
    private final class Twin {
        final float[] p;
        final byte[] m;
        final byte[] v;
        final float[] mScale;
        final float[] vScale;

        Twin(float[] p) {
            this.p = p;
            m = new byte[p.length];
            v = new byte[p.length];
            mScale = new float[Math.ceilDiv(p.length, BLOCK)];
            vScale = new float[mScale.length];
        }

        void update(float[] g, AdamWStep s) {
            double c1 = 1 - Math.pow(s.beta1(), s.step());
            double c2 = Math.sqrt(1 - Math.pow(s.beta2(), s.step()));
            float beta1 = (float) s.beta1();
            float beta2 = (float) s.beta2();
            for (int b = 0; b < mScale.length; b++) {
                int from = b * BLOCK;
                int count = Math.min(BLOCK, p.length - from);
                float[] first = new float[count];
                float[] second = new float[count];
                for (int j = 0; j < count; j++) {
                    int i = from + j;
                    first[j] = signed[Byte.toUnsignedInt(m[i])] * mScale[b] * beta1 + (1 - beta1) * g[i];
                    second[j] = unsigned[Byte.toUnsignedInt(v[i])] * vScale[b] * beta2 + (1 - beta2) * g[i] * g[i];
                    float denominator = (float) Math.sqrt(second[j]) + (float) (s.epsilon() * c2);
                    p[i] -= (float) (s.learningRate() * c2 / c1) * (first[j] / denominator);
                    p[i] *= (float) (1 - s.learningRate() * s.weightDecay());
                }
                mScale[b] = largest(first);
                vScale[b] = largest(second);
                for (int j = 0; j < count; j++) {
                    int code = nearest(signed, first[j] / mScale[b]);
                    if (Math.copySign(1, signed[code]) != Math.copySign(1, first[j])) {
                        code += first[j] > 0 ? 1 : -1;
                    }
                    m[from + j] = (byte) code;
                    v[from + j] = (byte) nearest(unsigned, second[j] / vScale[b]);
                }
            }
        }

        private static float largest(float[] values) {
            float largest = 0;
            for (float value : values) {
                largest = Math.max(largest, Math.abs(value));
            }
            return largest;
        }

        private static int nearest(float[] map, float x) {
            int best = 0;
            for (int c = 1; c < map.length; c++) {
                float middle = (map[c - 1] + map[c]) * 0.5f;
                if (x > middle || x == middle && c % 2 == 0) {
                    best = c;
                }
            }
            return best;
        }
    }

    private float[] floats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }

    private byte[] bytes(Tensor tensor) {
        byte[] values = new byte[Math.toIntExact(tensor.size())];
        kernels.download(tensor, MemorySegment.ofArray(values));
        return values;
    }
}
