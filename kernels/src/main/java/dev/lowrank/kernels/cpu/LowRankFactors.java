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
    private final Scratch forA = new Scratch();
    private final Scratch forB = new Scratch();
    private final Scratch packedA = new Scratch();
    private final Scratch packedB = new Scratch();
    private final Nf4Factor unpacked;

    LowRankFactors(Team team) {
        this.unpacked = new Nf4Factor(team, new FreshPages());
    }

    /**
     * @param from elements of a row that is read
     * @param to elements of a row that is written
     */
    record Direction(int from, int to, int rank, PackedMatrix weight, PackedMatrix first, PackedMatrix second) {
        /** {@code thin = from first} for m rows. */
        void reduce(StripProduct product, int m, MemorySegment from, MemorySegment thin) {
            product.run(
                    m,
                    rank,
                    Bf16Matmul.factors(new Bf16Matmul.Left(from, this.from, false), 0, first),
                    null,
                    new Bf16Matmul.Target(thin, rank, true).at(0, 0),
                    false);
        }

        /** {@code to = base + from weight + thin second} for m rows; base may be the target or null. */
        void expand(
                StripProduct product,
                int m,
                MemorySegment from,
                MemorySegment thin,
                MemorySegment to,
                boolean half,
                @Nullable MemorySegment base) {
            product.run(
                    m, this.to, factors(from), term(thin), target(to, half), base == null ? null : target(base, half));
        }

        private StripProduct.Target target(MemorySegment rows, boolean half) {
            return new Bf16Matmul.Target(rows, to, half).at(0, 0);
        }

        /** Of {@code from weight}. */
        StripProduct.Factors factors(MemorySegment from) {
            return Bf16Matmul.factors(new Bf16Matmul.Left(from, this.from, false), 0, weight);
        }

        /** Of {@code thin second}. */
        StripProduct.Factors term(MemorySegment thin) {
            return Bf16Matmul.factors(new Bf16Matmul.Left(thin, rank, false), 0, second);
        }
    }

    Direction forward(Bf16Matmul matmul, LowRankLayer layer) {
        int in = layer.inputs();
        int out = layer.outputs();
        int rank = layer.rank();
        PackedMatrix a = packed(matmul, layer.a(), 1, true, in, rank, forA, packedA);
        PackedMatrix b = packed(matmul, layer.b(), layer.scale(), true, rank, out, forB, packedB);
        return new Direction(in, out, rank, weight(layer, !layer.transposed()), a, b);
    }

    Direction backward(Bf16Matmul matmul, LowRankLayer layer) {
        int in = layer.inputs();
        int out = layer.outputs();
        int rank = layer.rank();
        PackedMatrix a = packed(matmul, layer.a(), 1, false, rank, in, forA, packedA);
        PackedMatrix b = packed(matmul, layer.b(), layer.scale(), false, out, rank, forB, packedB);
        return new Direction(out, in, rank, weight(layer, layer.transposed()), b, a);
    }

    private PackedMatrix weight(LowRankLayer layer, boolean transposed) {
        return switch (layer.weight()) {
            case Packed packed -> Bf16Matmul.view(packed, transposed);
            case Nf4 quantized -> unpacked.of(quantized, transposed);
        };
    }

    private static PackedMatrix packed(
            Bf16Matmul matmul,
            Tensor factor,
            float scale,
            boolean transposed,
            int k,
            int n,
            Scratch narrow,
            Scratch memory) {
        MemorySegment source = matmul.half(factor, scale, narrow);
        PackedMatrix matrix = new PackedMatrix(memory.atLeast(PackedMatrix.bytes(k, n)), k, n, k);
        matmul.fill(matrix, source, factor.columns(), transposed);
        return matrix;
    }

    /** What weights of 4 bits are unpacked into. */
    long unpackedBytes() {
        return unpacked.bytes();
    }

    @Override
    public void close() {
        for (Scratch one : new Scratch[] {forA, forB, packedA, packedB}) {
            one.close();
        }
        unpacked.close();
    }
}
