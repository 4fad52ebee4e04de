package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.memory.MemorySource;
import java.lang.foreign.MemorySegment;

/**
 * A matrix in 4 bits as the right factor of a product on bf16, for this product alone: its memory is that of the next one.
 * Elements are what dequantizing to BF16 gives, bit for bit.
 */
final class Nf4Factor implements AutoCloseable {
    private final Team team;
    private final Nf4Dequantizer dequantizer;
    private final Scratch packed;
    private final Scratch dense; // BF16 [rows, columns], where shapes are irregular

    Nf4Factor(Team team, MemorySource source) {
        this.team = team;
        this.dequantizer = new Nf4Dequantizer(team);
        this.packed = new Scratch(source);
        this.dense = new Scratch(source);
    }

    /** The factor W, or its transpose; valid until another is asked for. */
    PackedMatrix of(Nf4 weight, boolean transposed) {
        int k = transposed ? weight.columns() : weight.rows();
        int n = transposed ? weight.rows() : weight.columns();
        PackedMatrix factor = new PackedMatrix(packed.atLeast(PackedMatrix.bytes(k, n)), k, n, k);
        if (Nf4Unpacking.suits(weight)) {
            Nf4Unpacking unpacking = new Nf4Unpacking(weight, factor, transposed);
            team.split(PackedMatrix.blocks(n), unpacking.step(), team.parts(weight.size()), (part, from, to) -> {
                unpacking.run(team.scratch(part, Nf4Unpacking.SCRATCH), (int) from, (int) to);
            });
        } else {
            factor.fill(team, dequantized(weight), weight.columns(), transposed);
        }
        return factor;
    }

    private MemorySegment dequantized(Nf4 weight) {
        long bytes = weight.size() * Short.BYTES;
        MemorySegment memory = dense.atLeast(bytes);
        dequantizer.run(weight, new Tensor(DType.BF16, memory.asSlice(0, bytes), weight.size()));
        return memory;
    }

    /** The most that unpacking such a weight takes. */
    static long bytes(Nf4 weight) {
        long packed = Math.max(
                PackedMatrix.bytes(weight.columns(), weight.rows()),
                PackedMatrix.bytes(weight.rows(), weight.columns()));
        return packed + (Nf4Unpacking.suits(weight) ? 0 : weight.size() * Short.BYTES);
    }

    long bytes() {
        return packed.bytes() + dense.bytes();
    }

    @Override
    public void close() {
        packed.close();
        dense.close();
    }
}
