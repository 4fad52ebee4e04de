package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A low-rank layer laid out for its products in one direction, {@code thin = from first} and
 * {@code to = from weight + thin second}: forwards from x by A^T and B^T to y, thin being h, and backwards from dy by B and A
 * to dx, thin being t. The factors' memory is that of the next layer's.
 */
final class LowRankFactors implements AutoCloseable {
    /** Operations on an element that packing it is worth. */
    private static final long PACKING = 4;

    private final Team team;
    private final Scratch packedA = new Scratch();
    private final Scratch packedB = new Scratch();
    private final Nf4Factor unpacked;

    LowRankFactors(Team team) {
        this.team = team;
        this.unpacked = new Nf4Factor(team, new FreshPages());
    }

    /**
     * @param from elements of a row that is read
     * @param to elements of a row that is written
     */
    record Direction(int from, int to, int rank, PackedMatrix weight, PackedMatrix first, PackedMatrix second) {
        /** {@code thin = from first} for m rows, which may lie apart. */
        void reduce(StripProduct product, int m, Bf16Matmul.Left from, MemorySegment thin) {
            product.run(m, rank, Bf16Matmul.factors(from, 0, first), null, thin(thin), false);
        }

        StripProduct.Target thin(MemorySegment thin) {
            return new Bf16Matmul.Target(thin, rank, true).at(0, 0);
        }

        /** Some columns of what is written. */
        Direction columns(Slice slice) {
            return new Direction(
                    from,
                    slice.count(),
                    rank,
                    weight.columns(slice.from(), slice.count()),
                    first,
                    second.columns(slice.from(), slice.count()));
        }

        /** {@code to = base + from weight + thin second} for m rows, which may lie apart in from; base may be the target or null. */
        void expand(
                StripProduct product,
                int m,
                Bf16Matmul.Left from,
                MemorySegment thin,
                MemorySegment to,
                boolean half,
                @Nullable MemorySegment base) {
            product.run(
                    m, this.to, factors(from), term(thin), target(to, half), base == null ? null : target(base, half));
        }

        StripProduct.Target target(MemorySegment rows, boolean half) {
            return new Bf16Matmul.Target(rows, to, half).at(0, 0);
        }

        /** Of {@code from weight}. */
        StripProduct.Factors factors(Bf16Matmul.Left from) {
            return Bf16Matmul.factors(from, 0, weight);
        }

        /** Of {@code from weight}, as far as some columns of from go, which lie alone. */
        StripProduct.Factors factors(Bf16Matmul.Left columns, Slice slice) {
            return part(columns, slice, weight);
        }

        /** The same of {@code from first}. */
        StripProduct.Factors reduced(Bf16Matmul.Left columns, Slice slice) {
            return part(columns, slice, first);
        }

        private static StripProduct.Factors part(Bf16Matmul.Left columns, Slice slice, PackedMatrix b) {
            long first = b.data().address() + b.block(slice.from() / PackedMatrix.BLOCK, 0);
            return new StripProduct.Factors(
                    columns.data().address(), columns.stride(), first, b.pitch(), slice.count());
        }

        /** Of {@code thin second}. */
        StripProduct.Factors term(MemorySegment thin) {
            return Bf16Matmul.factors(new Bf16Matmul.Left(thin, rank, false), 0, second);
        }
    }

    /** @param packing to which is added what is still to be done */
    Direction forward(LowRankLayer layer, Pieces packing) {
        int in = layer.inputs();
        int out = layer.outputs();
        PackedMatrix a = empty(in, layer.rank(), packedA);
        PackedMatrix b = empty(layer.rank(), out, packedB);
        fill(a, b, layer, true, packing);
        return new Direction(in, out, layer.rank(), weight(layer, !layer.transposed()), a, b);
    }

    /** @param packing to which is added what is still to be done */
    Direction backward(LowRankLayer layer, Pieces packing) {
        int in = layer.inputs();
        int out = layer.outputs();
        PackedMatrix a = empty(layer.rank(), in, packedA);
        PackedMatrix b = empty(out, layer.rank(), packedB);
        fill(a, b, layer, false, packing);
        return new Direction(out, in, layer.rank(), weight(layer, layer.transposed()), b, a);
    }

    private static PackedMatrix empty(int k, int n, Scratch memory) {
        return new PackedMatrix(memory.atLeast(PackedMatrix.bytes(k, n)), k, n, k);
    }

    /** Both factors, or their transposes, block by block; B times the scale. */
    private void fill(PackedMatrix a, PackedMatrix b, LowRankLayer layer, boolean transposed, Pieces packing) {
        fill(a, layer.a(), 1, transposed, packing);
        fill(b, layer.b(), layer.scale(), transposed, packing);
    }

    private void fill(PackedMatrix packed, Tensor factor, float scale, boolean transposed, Pieces packing) {
        int blocks = PackedMatrix.blocks(packed.k()) * PackedMatrix.blocks(packed.n());
        packing.add(blocks, PACKING * factor.size(), (part, from, to) -> {
            FactorBlocks filler = new FactorBlocks(team.scratch(part, FactorBlocks.BYTES));
            for (int i = (int) from; i < to; i++) {
                filler.fill(packed, i, factor.data(), scale, transposed);
            }
        });
    }

    private PackedMatrix weight(LowRankLayer layer, boolean transposed) {
        return switch (layer.weight()) {
            case Packed packed -> Bf16Matmul.view(packed, transposed);
            case Nf4 quantized -> unpacked.of(quantized, transposed);
        };
    }

    /** What weights of 4 bits are unpacked into. */
    long unpackedBytes() {
        return unpacked.bytes();
    }

    @Override
    public void close() {
        packedA.close();
        packedB.close();
        unpacked.close();
    }
}
