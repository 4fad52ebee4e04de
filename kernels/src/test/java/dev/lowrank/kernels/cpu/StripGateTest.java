package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows that are gated as they come from the product have the bits of rows that are gated afterwards. */
class StripGateTest {
    private static final int RANK = 8;

    private final CpuKernels kernels = CpuKernels.open(1);
    private final Workspace memory = kernels.workspace();
    private final Team team = new Team(1);
    private final Bf16Matmul matmul = new Bf16Matmul(team, new FreshPages());
    private final LowRankFactors gateFactors = new LowRankFactors(team);
    private final LowRankFactors upFactors = new LowRankFactors(team);
    private final LowRankFactors downFactors = new LowRankFactors(team);
    private final StripGate strip = new StripGate();
    private final Random random = new Random(5);

    @AfterEach
    void close() {
        gateFactors.close();
        upFactors.close();
        downFactors.close();
        matmul.close();
        team.close();
        memory.close();
        kernels.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 64", "16, 64", "17, 600", "40, 600", "100, 1200", "40, 2112", "256, 64"})
    void bothWaysAreThoseOfLayersAndGateOneByOne(int m, int width) {
        check(m, width, 96, 0);
    }

    /** A line that is written past the caches must be a whole one. */
    @ParameterizedTest
    @ValueSource(ints = {2, 32})
    void whatIsKeptMayBeginAnywhere(int bytes) {
        check(20, 64, 96, bytes);
    }

    /** Rows of 512 elements would meet in the first cache, and lie a line further apart. */
    @Test
    void rowsMayLieFurtherApart() {
        check(100, 64, 512, 0);
        check(20, 64, 512, 2); // gated afterwards
    }

    private void check(int m, int width, int inner, int shift) {
        try (TileProduct product = tiles()) {
            FeedForwardLayers layers = new FeedForwardLayers(
                    Activation.SILU, layer(width, inner), layer(width, inner), layer(inner, width));
            Pieces packing = new Pieces(team);
            LowRankFactors.Direction toGate = gateFactors.forward(layers.gate(), packing);
            LowRankFactors.Direction toUp = upFactors.forward(layers.up(), packing);
            LowRankFactors.Direction fromOut = downFactors.backward(layers.down(), packing);
            packing.run();
            Bf16Matmul.Left x = new Bf16Matmul.Left(random(m, width), width, false);
            Bf16Matmul.Left dOut = new Bf16Matmul.Left(random(m, width), width, false);
            MemorySegment[] thin = {random(m, RANK), random(m, RANK), random(m, RANK)};
            MemorySegment[] kept = {
                random(m + 1, inner).asSlice(shift), random(m + 1, inner).asSlice(shift)
            };
            MemorySegment value = random(m, inner + 32);
            MemorySegment[] back = {random(m, inner + 32), random(m, inner + 32), random(m, inner + 32)};
            long stride = StripGate.stride(layers, product, inner, kept[0], kept[1]);
            strip.forward(layers, product, toGate, toUp, m, x, thin[0], thin[1], kept[0], kept[1], value);
            strip.backward(layers, product, fromOut, m, dOut, thin[2], kept[0], kept[1], back[0], back[1], back[2]);

            long elements = (long) m * inner;
            MemorySegment[] one = {random(m, inner), random(m, inner), random(m, inner), random(m, inner)};
            toGate.expand(product, m, x, thin[0], one[0], true, null);
            toUp.expand(product, m, x, thin[1], one[1], true, null);
            new HalfGate().forward(Activation.SILU, one[0], one[1], one[2], 0, elements);
            assertSame("value", value, stride, one[2], inner);
            assertSame("value on the way back", back[0], stride, one[2], inner);
            fromOut.expand(product, m, dOut, thin[2], one[3], true, null);
            new HalfGate().backward(Activation.SILU, one[3], one[0], one[1], one[0], one[1], 0, elements);
            assertSame("gradient of the gate", back[1], stride, one[0], inner);
            assertSame("gradient of up", back[2], stride, one[1], inner);
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

    private static void assertSame(
            String name, MemorySegment actual, long stride, MemorySegment expected, int columns) {
        for (long i = 0; i < expected.byteSize() / Short.BYTES / columns; i++) {
            MemorySegment row = actual.asSlice(i * stride * Short.BYTES, columns * 2L);
            assertThat(row.mismatch(expected.asSlice(i * columns * Short.BYTES, columns * 2L)))
                    .as("%s, row %d", name, i)
                    .isEqualTo(-1);
        }
    }
}
