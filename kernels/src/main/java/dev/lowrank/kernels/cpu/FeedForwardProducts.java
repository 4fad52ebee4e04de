package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.FeedForwardState;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A gated feed-forward of frozen layers with low-rank updates, a strip of rows from its input to its result: what lies between
 * the layers stays in the cache.
 */
final class FeedForwardProducts implements AutoCloseable {
    /** Rows of a strip. With 128 all between the layers fits the second cache, but weights pass twice as often: no faster. */
    static final int STRIP = 256;

    private final Team team;
    private final Bf16Matmul matmul;
    private final LowRankWork gate;
    private final LowRankWork up;
    private final LowRankWork down;
    private final Part[] parts;

    /** What one thread works in, all BF16. */
    private static final class Part {
        private final Scratch dOut = new Scratch(); // [strip, C], where dOut is F32
        private final Scratch inner = new Scratch(); // [strip, F]: f(gate) * up
        private final Scratch dGate = new Scratch(); // [strip, F]
        private final Scratch dUp = new Scratch(); // [strip, F]
        private final Scratch t = new Scratch(); // [strip, r]
        private final StripGate gate = new StripGate();

        void close() {
            for (Scratch one : new Scratch[] {dOut, inner, dGate, dUp, t}) {
                one.close();
            }
        }
    }

    FeedForwardProducts(Team team, Bf16Matmul matmul) {
        this.team = team;
        this.matmul = matmul;
        this.gate = new LowRankWork(team);
        this.up = new LowRankWork(team);
        this.down = new LowRankWork(team);
        this.parts = new Part[team.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Part();
        }
    }

    void forward(Tensor x, FeedForwardLayers layers, @Nullable Tensor base, FeedForwardState kept, Tensor out) {
        LowRankFactors.Direction toGate = gate.factors().forward(layers.gate());
        LowRankFactors.Direction toUp = up.factors().forward(layers.up());
        LowRankFactors.Direction toOut = down.factors().forward(layers.down());
        int inner = layers.down().inputs();
        boolean half = out.dtype() == DType.BF16;
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(kept.gate().size()), (part, from, end) -> {
            Part own = parts[part];
            StripProduct product = matmul.part(part).product();
            for (long i = from; i < end; i += STRIP) {
                int m = (int) Math.min(STRIP, end - i);
                MemorySegment input = LowRankProducts.rows(x, i);
                MemorySegment g = LowRankProducts.rows(kept.gate(), i);
                MemorySegment u = LowRankProducts.rows(kept.up(), i);
                MemorySegment gateH = LowRankProducts.rows(kept.gateH(), i);
                MemorySegment upH = LowRankProducts.rows(kept.upH(), i);
                MemorySegment a = own.inner.atLeast((long) m * inner * Short.BYTES); // [m, F]
                own.gate.forward(layers, product, toGate, toUp, m, input, gateH, upH, g, u, a);
                MemorySegment target = LowRankProducts.rows(out, i);
                MemorySegment downH = LowRankProducts.rows(kept.downH(), i);
                toOut.reduce(product, m, a, downH);
                toOut.expand(product, m, a, downH, target, half, base == null ? null : LowRankProducts.rows(base, i));
            }
        });
    }

    /** Derivation: that of {@link LowRankProducts#backward} for each layer, with those of the gate between them. */
    void backward(
            Tensor dOut,
            Tensor x,
            FeedForwardLayers layers,
            FeedForwardState kept,
            LowRankGradient ofGate,
            LowRankGradient ofUp,
            LowRankGradient ofDown,
            @Nullable Tensor dx) {
        LowRankFactors.Direction fromGate = gate.factors().backward(layers.gate());
        LowRankFactors.Direction fromUp = up.factors().backward(layers.up());
        LowRankFactors.Direction fromOut = down.factors().backward(layers.down());
        int inner = layers.down().inputs();
        int rank = Math.max(
                layers.down().rank(), Math.max(layers.gate().rank(), layers.up().rank()));
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(kept.gate().size()), (part, from, end) -> {
            Part own = parts[part];
            Bf16Matmul.Part mine = matmul.part(part);
            StripProduct product = mine.product();
            LowRankSums.Part gateSum = gate.sums().begin(part);
            LowRankSums.Part upSum = up.sums().begin(part);
            LowRankSums.Part downSum = down.sums().begin(part);
            for (long i = from; i < end; i += STRIP) {
                int m = (int) Math.min(STRIP, end - i);
                long elements = (long) m * inner;
                MemorySegment d = LowRankProducts.half(dOut, i, m, own.dOut);
                MemorySegment g = LowRankProducts.rows(kept.gate(), i);
                MemorySegment u = LowRankProducts.rows(kept.up(), i);
                MemorySegment a = own.inner.atLeast(elements * Short.BYTES);
                MemorySegment dg = own.dGate.atLeast(elements * Short.BYTES);
                MemorySegment du = own.dUp.atLeast(elements * Short.BYTES);
                MemorySegment t = own.t.atLeast((long) m * rank * Short.BYTES);
                own.gate.backward(layers, product, fromOut, m, d, t, g, u, a, dg, du);
                downSum.add(mine, layers.down(), ofDown, m, a, d, LowRankProducts.rows(kept.downH(), i), t);

                MemorySegment input = LowRankProducts.rows(x, i);
                fromGate.reduce(product, m, dg, t);
                if (dx != null) {
                    fromGate.expand(product, m, dg, t, LowRankProducts.rows(dx, i), true, null);
                }
                gateSum.add(mine, layers.gate(), ofGate, m, input, dg, LowRankProducts.rows(kept.gateH(), i), t);
                fromUp.reduce(product, m, du, t);
                if (dx != null) {
                    MemorySegment sum = LowRankProducts.rows(dx, i);
                    fromUp.expand(product, m, du, t, sum, true, sum);
                }
                upSum.add(mine, layers.up(), ofUp, m, input, du, LowRankProducts.rows(kept.upH(), i), t);
            }
        });
        gate.sums().into(ofGate, layers.gate(), matmul, team);
        up.sums().into(ofUp, layers.up(), matmul, team);
        down.sums().into(ofDown, layers.down(), matmul, team);
    }

    /** What weights of 4 bits are unpacked into. */
    long unpackedBytes() {
        return gate.factors().unpackedBytes()
                + up.factors().unpackedBytes()
                + down.factors().unpackedBytes();
    }

    @Override
    public void close() {
        gate.close();
        up.close();
        down.close();
        for (Part part : parts) {
            part.close();
        }
    }
}
