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
 * the layers stays in the cache. Where that is too wide for it, some columns go all the way before the next ones begin, and what
 * is made of them is summed up.
 */
final class FeedForwardProducts implements AutoCloseable {
    /** Rows of a strip. With 128 all between the layers fits the second cache, but weights pass twice as often: no faster. */
    static final int STRIP = 256;

    /** So many columns between the layers stay together. */
    private static final int TOGETHER = 2048;

    /** Of more, so many go at a time at most. */
    private static final int SLICE = 1344;

    private static final int BLOCK = 64;

    private final Team team;
    private final Bf16Matmul matmul;
    private final LowRankWork gate;
    private final LowRankWork up;
    private final LowRankWork down;
    private final Part[] parts;

    /** What one thread works in. */
    private static final class Part {
        private final SpreadRows input = new SpreadRows(); // BF16 [strip, C]: x or dOut
        private final Scratch inner = new Scratch(); // BF16 [strip, slice]: f(gate) * up
        private final Scratch dGate = new Scratch(); // BF16 [strip, slice]
        private final Scratch dUp = new Scratch(); // BF16 [strip, slice]
        private final Scratch t = new Scratch(); // BF16 [strip, r] of each layer, one behind the other
        private final LongSum sum = new LongSum(); // of out, or of dx
        private final LongSum thin = new LongSum(); // of down's h, or of gate's t
        private final LongSum upThin = new LongSum(); // of up's t
        private final StripGate gate = new StripGate();

        void close() {
            for (Scratch one : new Scratch[] {inner, dGate, dUp, t}) {
                one.close();
            }
            for (LongSum one : new LongSum[] {sum, thin, upThin}) {
                one.close();
            }
            input.close();
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

    /** Columns of a slice: slices are much the same, and have an odd number of blocks, so that rows do not meet in the cache. */
    private static int slice(int inner) {
        if (inner <= TOGETHER) {
            return inner;
        }
        int slices = Math.ceilDiv(inner, SLICE);
        return (Math.ceilDiv(inner, slices * BLOCK) | 1) * BLOCK;
    }

    /** What one thread takes for its strips. */
    static long bytesOfPart(FeedForwardLayers layers) {
        int inner = layers.down().inputs();
        int width = layers.gate().inputs();
        int slice = slice(inner);
        long halves = 3 * SpreadRows.stride(slice, Short.BYTES)
                + SpreadRows.stride(Math.max(width, layers.down().outputs()), Short.BYTES);
        long sums = slice < inner ? LongSum.bytes(STRIP, width) : 0;
        return STRIP * halves * Short.BYTES + sums;
    }

    void forward(Tensor x, FeedForwardLayers layers, @Nullable Tensor base, FeedForwardState kept, Tensor out) {
        Pieces packing = new Pieces(team);
        LowRankFactors.Direction toGate = gate.factors().forward(layers.gate(), packing);
        LowRankFactors.Direction toUp = up.factors().forward(layers.up(), packing);
        LowRankFactors.Direction toOut = down.factors().forward(layers.down(), packing);
        packing.run();
        int inner = layers.down().inputs();
        int step = slice(inner);
        boolean half = out.dtype() == DType.BF16;
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(kept.gate().size()), (part, from, end) -> {
            Part own = parts[part];
            StripProduct product = matmul.part(part).product();
            for (long i = from; i < end; i += STRIP) {
                int m = (int) Math.min(STRIP, end - i);
                Bf16Matmul.Left input = own.input.of(x, i, m);
                MemorySegment gateH = LowRankProducts.rows(kept.gateH(), i);
                MemorySegment upH = LowRankProducts.rows(kept.upH(), i);
                MemorySegment downH = LowRankProducts.rows(kept.downH(), i);
                toGate.reduce(product, m, input, gateH);
                toUp.reduce(product, m, input, upH);
                own.thin.begin(product, m, toOut.rank(), toOut.thin(downH), null, step == inner);
                own.sum.begin(
                        product,
                        m,
                        toOut.to(),
                        toOut.target(LowRankProducts.rows(out, i), half),
                        base == null ? null : toOut.target(LowRankProducts.rows(base, i), half),
                        step == inner);
                for (int at = 0; at < inner; at += step) {
                    Slice slice = new Slice(at, Math.min(step, inner - at), inner);
                    MemorySegment g = part(kept.gate(), i, m, slice);
                    MemorySegment u = part(kept.up(), i, m, slice);
                    MemorySegment a = own.inner.atLeast(bytes(m, step)); // [m, slice]
                    Bf16Matmul.Left values =
                            new Bf16Matmul.Left(a, StripGate.stride(layers, product, slice.count(), g, u), false);
                    own.gate.forward(
                            layers, product, toGate.columns(slice), toUp.columns(slice), m, input, gateH, upH, g, u, a);
                    own.thin.add(toOut.reduced(values, slice), null, slice.last());
                    own.sum.add(toOut.factors(values, slice), slice.last() ? toOut.term(downH) : null, slice.last());
                }
            }
        });
    }

    /** Of what is kept of a strip, the part of a slice: slices lie one behind the other. */
    private static MemorySegment part(Tensor kept, long i, int m, Slice slice) {
        return LowRankProducts.rows(kept, i).asSlice((long) m * slice.from() * Short.BYTES);
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
        Pieces packing = new Pieces(team);
        LowRankFactors.Direction fromGate = gate.factors().backward(layers.gate(), packing);
        LowRankFactors.Direction fromUp = up.factors().backward(layers.up(), packing);
        LowRankFactors.Direction fromOut = down.factors().backward(layers.down(), packing);
        packing.run();
        int inner = layers.down().inputs();
        int step = slice(inner);
        int ranks = fromGate.rank() + fromUp.rank() + fromOut.rank();
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(kept.gate().size()), (part, from, end) -> {
            Part own = parts[part];
            Bf16Matmul.Part mine = matmul.part(part);
            StripProduct product = mine.product();
            LowRankSums.Part gateSum = gate.sums().begin(part);
            LowRankSums.Part upSum = up.sums().begin(part);
            LowRankSums.Part downSum = down.sums().begin(part);
            for (long i = from; i < end; i += STRIP) {
                int m = (int) Math.min(STRIP, end - i);
                Bf16Matmul.Left d = own.input.of(dOut, i, m);
                MemorySegment input = LowRankProducts.rows(x, i);
                MemorySegment gateH = LowRankProducts.rows(kept.gateH(), i);
                MemorySegment upH = LowRankProducts.rows(kept.upH(), i);
                MemorySegment gateT = own.t.atLeast((long) m * ranks * Short.BYTES);
                MemorySegment upT = gateT.asSlice((long) m * fromGate.rank() * Short.BYTES);
                MemorySegment t = upT.asSlice((long) m * fromUp.rank() * Short.BYTES);
                fromOut.reduce(product, m, d, t);
                own.thin.begin(product, m, fromGate.rank(), fromGate.thin(gateT), null, step == inner);
                own.upThin.begin(product, m, fromUp.rank(), fromUp.thin(upT), null, step == inner);
                if (dx != null) {
                    StripProduct.Target sum = fromGate.target(LowRankProducts.rows(dx, i), true);
                    own.sum.begin(product, m, fromGate.to(), sum, null, step == inner);
                }
                for (int at = 0; at < inner; at += step) {
                    Slice slice = new Slice(at, Math.min(step, inner - at), inner);
                    MemorySegment g = part(kept.gate(), i, m, slice);
                    MemorySegment u = part(kept.up(), i, m, slice);
                    long stride = StripGate.stride(layers, product, slice.count(), g, u);
                    MemorySegment value = own.inner.atLeast(bytes(m, step)); // [m, slice]
                    MemorySegment dGate = own.dGate.atLeast(bytes(m, step)); // [m, slice]
                    MemorySegment dUp = own.dUp.atLeast(bytes(m, step)); // [m, slice]
                    Bf16Matmul.Left a = new Bf16Matmul.Left(value, stride, false);
                    Bf16Matmul.Left dg = new Bf16Matmul.Left(dGate, stride, false);
                    Bf16Matmul.Left du = new Bf16Matmul.Left(dUp, stride, false);
                    own.gate.backward(layers, product, fromOut.columns(slice), m, d, t, g, u, value, dGate, dUp);
                    downSum.addToA(mine, layers.down(), ofDown, m, a, slice, t);
                    own.thin.add(fromGate.reduced(dg, slice), null, slice.last());
                    own.upThin.add(fromUp.reduced(du, slice), null, slice.last());
                    if (dx != null) {
                        own.sum.add(fromGate.factors(dg, slice), slice.last() ? fromGate.term(gateT) : null, false);
                        own.sum.add(fromUp.factors(du, slice), slice.last() ? fromUp.term(upT) : null, slice.last());
                    }
                    gateSum.addToB(mine, layers.gate(), ofGate, m, dg, slice, gateH);
                    upSum.addToB(mine, layers.up(), ofUp, m, du, slice, upH);
                }
                Slice width = Slice.whole(x.columns());
                downSum.addToB(
                        mine,
                        layers.down(),
                        ofDown,
                        m,
                        d,
                        Slice.whole(dOut.columns()),
                        LowRankProducts.rows(kept.downH(), i));
                gateSum.addToA(mine, layers.gate(), ofGate, m, dense(input, width), width, gateT);
                upSum.addToA(mine, layers.up(), ofUp, m, dense(input, width), width, upT);
                gateSum.next();
                upSum.next();
                downSum.next();
            }
        });
        Pieces sums = new Pieces(team);
        gate.sums().into(ofGate, layers.gate(), matmul, team, sums);
        up.sums().into(ofUp, layers.up(), matmul, team, sums);
        down.sums().into(ofDown, layers.down(), matmul, team, sums);
        sums.run();
    }

    private static long bytes(int m, int columns) {
        return m * SpreadRows.stride(columns, Short.BYTES) * Short.BYTES;
    }

    private static Bf16Matmul.Left dense(MemorySegment rows, Slice slice) {
        return new Bf16Matmul.Left(rows, slice.count(), false);
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
