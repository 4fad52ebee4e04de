package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows that are gated as they come from the product have the bits of rows that are gated afterwards. */
class StripGateTest {
    private static final int INNER = 96;
    private static final int RANK = 8;

    private final CpuKernels kernels = CpuKernels.open(1);
    private final Workspace memory = kernels.workspace();
    private final Team team = new Team(1);
    private final Bf16Matmul matmul = new Bf16Matmul(team, new FreshPages());
    private final LowRankFactors gateFactors = new LowRankFactors(team);
    private final LowRankFactors upFactors = new LowRankFactors(team);
    private final StripGate strip = new StripGate();
    private final Random random = new Random(5);

    @AfterEach
    void close() {
        gateFactors.close();
        upFactors.close();
        matmul.close();
        team.close();
        memory.close();
        kernels.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 64", "16, 64", "17, 600", "40, 600", "100, 1200", "40, 2112", "256, 64"})
    void valuesAreThoseOfLayersAndGateOneByOne(int m, int width) {
        try (TileProduct product = tiles()) {
            LowRankFactors.Direction toGate = gateFactors.forward(layer(width, INNER));
            LowRankFactors.Direction toUp = upFactors.forward(layer(width, INNER));
            MemorySegment x = random(m, width);
            MemorySegment[] fused = empty(m, 3);
            MemorySegment[] single = empty(m, 3);
            MemorySegment[] thin = {random(m, RANK), random(m, RANK)};
            strip.forward(Activation.SILU, product, toGate, toUp, m, x, thin[0], thin[1], fused[0], fused[1], fused[2]);
            toGate.expand(product, m, x, thin[0], single[0], true, null);
            toUp.expand(product, m, x, thin[1], single[1], true, null);
            new HalfGate().forward(Activation.SILU, single[0], single[1], single[2], 0, (long) m * INNER);
            assertSame(fused, single);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 64", "16, 64", "17, 600", "40, 600", "100, 1200", "40, 2112", "256, 64"})
    void gradientsAreThoseOfLayerAndGateOneByOne(int m, int width) {
        try (TileProduct product = tiles()) {
            LowRankFactors.Direction fromOut = gateFactors.backward(layer(INNER, width));
            MemorySegment dOut = random(m, width);
            MemorySegment t = random(m, RANK);
            MemorySegment gate = random(m, INNER);
            MemorySegment up = random(m, INNER);
            MemorySegment[] fused = empty(m, 3);
            MemorySegment[] single = empty(m, 3);
            strip.backward(Activation.SILU, product, fromOut, m, dOut, t, gate, up, fused[0], fused[1], fused[2]);
            long elements = (long) m * INNER;
            fromOut.expand(product, m, dOut, t, single[1], true, null);
            new HalfGate().forward(Activation.SILU, gate, up, single[0], 0, elements);
            new HalfGate().backward(Activation.SILU, single[1], gate, up, single[1], single[2], 0, elements);
            assertSame(fused, single);
        }
    }

    /** A line that is written past the caches must be a whole one. */
    @ParameterizedTest
    @ValueSource(ints = {2, 32})
    void resultsMayBeginAnywhere(int bytes) {
        try (TileProduct product = tiles()) {
            LowRankFactors.Direction toGate = gateFactors.forward(layer(64, INNER));
            LowRankFactors.Direction toUp = upFactors.forward(layer(64, INNER));
            MemorySegment x = random(20, 64);
            MemorySegment h = random(20, RANK);
            MemorySegment[] aligned = empty(21, 3);
            MemorySegment[] shifted = empty(21, 3);
            for (int i = 0; i < 3; i++) {
                aligned[i] = aligned[i].asSlice(0, 20L * INNER * Short.BYTES);
                shifted[i] = shifted[i].asSlice(bytes, 20L * INNER * Short.BYTES);
            }
            strip.forward(Activation.SILU, product, toGate, toUp, 20, x, h, h, aligned[0], aligned[1], aligned[2]);
            strip.forward(Activation.SILU, product, toGate, toUp, 20, x, h, h, shifted[0], shifted[1], shifted[2]);
            assertSame(aligned, shifted);
        }
    }

    private static TileProduct tiles() {
        assumeTrue(TileProduct.works(), "This processor has no tiles for bf16, or code cannot be written for them.");
        return new TileProduct();
    }

    private LowRankLayer layer(int in, int out) {
        Packed weight = matmul.pack(tensor(DType.BF16, out, in), memory);
        return new LowRankLayer(weight, false, tensor(DType.F32, RANK, in), tensor(DType.F32, out, RANK), 0.5f);
    }

    private Tensor tensor(DType type, int rows, int columns) {
        Tensor tensor = memory.take(type, rows, columns);
        for (long i = 0; i < tensor.size(); i++) {
            float value = (float) random.nextGaussian() * 0.3f;
            if (type == DType.F32) {
                tensor.data().setAtIndex(JAVA_FLOAT, i, value);
            } else {
                tensor.data().setAtIndex(JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
            }
        }
        return tensor;
    }

    private MemorySegment random(int rows, int columns) {
        return tensor(DType.BF16, rows, columns).data();
    }

    private MemorySegment[] empty(int m, int count) {
        MemorySegment[] all = new MemorySegment[count];
        for (int i = 0; i < count; i++) {
            all[i] = random(m, INNER);
        }
        return all;
    }

    private static void assertSame(MemorySegment[] actual, MemorySegment[] expected) {
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i].mismatch(expected[i])).as("matrix %d", i).isEqualTo(-1);
        }
    }
}
