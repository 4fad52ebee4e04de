package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.FeedForwardLayers;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The layers on both sides of a feed-forward's gate, and the gate, for m rows of a strip: where the product can, rows are gated as they
 * come from it, otherwise afterwards. The bits are the same. An instance belongs to one thread; all matrices are BF16 and dense.
 */
final class StripGate {
    private final HalfGate afterwards = new HalfGate();

    /**
     * {@code value = f(gate) up}.
     *
     * @param x [m, C]
     * @param gateH [m, r]; {@code upH} likewise
     * @param gate [m, F], written, in an order that {@link #backward} expects; {@code up} likewise
     * @param value [m, F], written, its rows as far apart as {@link #stride} says
     */
    void forward(
            FeedForwardLayers layers,
            StripProduct product,
            LowRankFactors.Direction toGate,
            LowRankFactors.Direction toUp,
            int m,
            Bf16Matmul.Left x,
            MemorySegment gateH,
            MemorySegment upH,
            MemorySegment gate,
            MemorySegment up,
            MemorySegment value) {
        int inner = toUp.to();
        TileProduct tiles = tiles(layers, product, inner, gate, up);
        if (tiles != null) {
            StripProduct.Target values =
                    new StripProduct.Target(value.address(), SpreadRows.stride(inner, Short.BYTES), true);
            tiles.run(m, inner, toGate.factors(x), toGate.term(gateH), values, null);
            tiles.gated(m, inner, toUp.factors(x), toUp.term(upH), values, gate.address(), up.address());
        } else {
            toGate.expand(product, m, x, gateH, gate, true, null);
            toUp.expand(product, m, x, upH, up, true, null);
            afterwards.forward(layers.activation(), gate, up, value, 0, (long) m * inner);
        }
    }

    /**
     * {@code value = f(gate) up} again, and with its gradient d: {@code dUp = d f(gate)}, {@code dGate = d up f'(gate)}.
     *
     * @param dOut [m, C]; {@code t} [m, r]
     * @param gate [m, F]; {@code up} likewise
     * @param value [m, F], written, its rows as far apart as {@link #stride} says; {@code dGate} and {@code dUp} likewise
     */
    void backward(
            FeedForwardLayers layers,
            StripProduct product,
            LowRankFactors.Direction fromOut,
            int m,
            Bf16Matmul.Left dOut,
            MemorySegment t,
            MemorySegment gate,
            MemorySegment up,
            MemorySegment value,
            MemorySegment dGate,
            MemorySegment dUp) {
        int inner = fromOut.to();
        TileProduct tiles = tiles(layers, product, inner, gate, up);
        if (tiles != null) {
            tiles.gateGradients(
                    m,
                    inner,
                    fromOut.factors(dOut),
                    fromOut.term(t),
                    gate.address(),
                    up.address(),
                    value.address(),
                    new StripProduct.Target(dGate.address(), SpreadRows.stride(inner, Short.BYTES), true),
                    dUp.address());
        } else {
            long elements = (long) m * inner;
            fromOut.expand(product, m, dOut, t, dGate, true, null);
            afterwards.forward(layers.activation(), gate, up, value, 0, elements);
            afterwards.backward(layers.activation(), dGate, gate, up, dGate, dUp, 0, elements);
        }
    }

    /** Elements from one row of so many columns to the next: what is gated afterwards must be dense. */
    static long stride(
            FeedForwardLayers layers, StripProduct product, int columns, MemorySegment gate, MemorySegment up) {
        return tiles(layers, product, columns, gate, up) == null ? columns : SpreadRows.stride(columns, Short.BYTES);
    }

    /** What gates as it multiplies, where it can: both ways or neither, since what is kept lies in its order. */
    private static @Nullable TileProduct tiles(
            FeedForwardLayers layers, StripProduct product, int columns, MemorySegment gate, MemorySegment up) {
        int longest = Math.max(layers.gate().inputs(), layers.down().outputs());
        boolean can = TileProduct.gates(layers.activation(), longest, columns, gate.address(), up.address());
        return can && product instanceof TileProduct tiles ? tiles : null;
    }
}
