package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.memory.MemorySource;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Products of bf16 matrices with fp32 sums. The team packs the right factor first, which costs little next to the product:
 * a hundredth at two thousand rows. Then each thread has its rows of C, or its columns where the rows are few, and walks them
 * in strips that stay in the cache while B passes by.
 */
final class Bf16Matmul implements AutoCloseable {
    /** No strip has more rows. */
    static final int STRIP = 256;

    /** Boundaries between threads fall on multiples of so many rows. */
    static final int ROWS = PackedMatrix.BLOCK;

    /** Products below this many multiply-adds are not worth dividing. */
    private static final long ALONE = 1 << 18;

    private final Team team;
    private final Part[] parts;
    private final Scratch left;
    private final Scratch leftOfTerm;
    private final Scratch right;
    private final Scratch packed;
    private final Nf4Factor unpacked;

    Bf16Matmul(Team team, MemorySource source) {
        this.team = team;
        this.left = new Scratch(source);
        this.leftOfTerm = new Scratch(source);
        this.right = new Scratch(source);
        this.packed = new Scratch(source);
        this.unpacked = new Nf4Factor(team, source);
        this.parts = new Part[team.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Part();
        }
    }

    /** What one thread multiplies with, and the memory it works in. */
    static final class Part {
        private final StripProduct product = StripProduct.best();
        private final Scratch interleaved = new Scratch();
        private final Scratch turned = new Scratch();
        private final RowSums sums = RowSums.best(this);

        StripProduct product() {
            return product;
        }

        RowSums sums() {
            return sums;
        }

        /** Rows {@code [i, i + m)} of A, which is stored as [k, m], as they are multiplied: zeros behind them up to a multiple of 32. */
        Left turned(Left a, int k, int i, int m) {
            PackedMatrix pairs = new PackedMatrix(interleaved.atLeast(PackedMatrix.bytes(k, m)), k, m, k);
            pairs.fill(a.data.asSlice((long) i * Short.BYTES), a.stride, false, 0, PackedMatrix.blocks(m));
            long row = (long) PackedMatrix.blocks(k) * PackedMatrix.BLOCK;
            MemorySegment memory =
                    turned.atLeast((long) PackedMatrix.blocks(m) * PackedMatrix.BLOCK * row * Short.BYTES);
            pairs.transpose(memory, row);
            return new Left(memory, row, false);
        }

        void close() {
            product.close();
            interleaved.close();
            turned.close();
            sums.close();
        }
    }

    /** A left factor of BF16 elements: A [m, k], or stored as [k, m] if transposed. */
    record Left(MemorySegment data, long stride, boolean transposed) {
        private long address(long row, long column) {
            return data.address() + (row * stride + column) * Short.BYTES;
        }

        private Left from(long row) {
            return new Left(data.asSlice(row * stride * Short.BYTES), stride, false);
        }
    }

    /** Where C lies: F32, or BF16 if half; rows {@code stride} elements apart. */
    record Target(MemorySegment data, long stride, boolean half) {
        StripProduct.Target at(long row, long column) {
            int bytes = half ? Short.BYTES : Float.BYTES;
            return new StripProduct.Target(data.address() + (row * stride + column) * bytes, stride, half);
        }
    }

    /** {@code c = alpha * op(a) * op(b) + beta * c} with shapes already checked; any of them F32 or BF16. */
    void run(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c) {
        int n = c.columns();
        int k = transposeA ? a.rows() : a.columns();
        if (beta != 0 && beta != 1) {
            Elementwise.scale(team, c, beta);
        }
        PackedMatrix second = pack(b, transposeB, alpha, k, n);
        Left first = new Left(half(a, 1, left), a.columns(), transposeA);
        multiply(first, c.rows(), second, new Target(c.data(), n, c.dtype() == DType.BF16), beta != 0);
    }

    /** Lays out a matrix for both directions. */
    Packed pack(Tensor matrix, Workspace memory) {
        return pack(matrix, matrix.rows(), memory);
    }

    /** The same with {@code chunk} rows at a time in the layout for products with the matrix itself. */
    Packed pack(Tensor matrix, int chunk, Workspace memory) {
        int rows = matrix.rows();
        int columns = matrix.columns();
        MemorySegment source = half(matrix, 1, right);
        Tensor forward = memory.take(DType.U8, PackedMatrix.bytes(columns, rows));
        Tensor backward = memory.take(DType.U8, PackedMatrix.bytes(rows, columns));
        Packed packed = new Packed(rows, columns, Math.min(chunk, rows), forward, backward);
        fill(view(packed, true), source, columns, true);
        fill(view(packed, false), source, columns, false);
        return packed;
    }

    /** The right factor of a product with a frozen matrix, or with its transpose; valid until another is asked for. */
    PackedMatrix right(FrozenMatrix matrix, boolean transposed) {
        return switch (matrix) {
            case Packed packed -> view(packed, transposed);
            case Nf4 quantized -> unpacked.of(quantized, transposed);
        };
    }

    /** The same of a packed matrix, where it lies. */
    static PackedMatrix view(Packed packed, boolean transposed) {
        int k = transposed ? packed.columns() : packed.rows();
        int n = transposed ? packed.rows() : packed.columns();
        int chunk = transposed ? k : packed.chunk();
        return new PackedMatrix((transposed ? packed.forward() : packed.backward()).data(), k, n, chunk);
    }

    void unpack(Packed packed, Tensor out) {
        PackedMatrix backward = view(packed, false);
        Floats target = Floats.of(out);
        team.rows(packed.rows(), packed.columns(), (part, from, to) -> {
            MemorySegment row = team.scratch(part, backward.bytesOfRow());
            for (long i = from; i < to; i++) {
                backward.copyRow((int) i, row, target, i);
            }
        });
    }

    /** {@code c = a op(b) + term + beta c} with shapes already checked. */
    void run(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        Left first = new Left(half(a, 1, left), a.columns(), false);
        Target target = new Target(c.data(), c.columns(), c.dtype() == DType.BF16);
        Left thin = null;
        PackedMatrix right = null;
        if (term != null) {
            int rank = term.left().columns();
            thin = new Left(half(term.left(), 1, leftOfTerm), rank, false);
            right = pack(term.right(), term.transposed(), term.scale(), rank, c.columns());
        }
        multiply(first, c.rows(), right(b, transposeB), thin, right, target, beta != 0);
    }

    /** Packs {@code alpha op(b)} [k, n] for one product. */
    private PackedMatrix pack(Tensor b, boolean transposed, float alpha, int k, int n) {
        MemorySegment source = half(b, alpha, right);
        PackedMatrix matrix = new PackedMatrix(packed.atLeast(PackedMatrix.bytes(k, n)), k, n, k);
        fill(matrix, source, b.columns(), transposed);
        return matrix;
    }

    /** Fills a packed matrix from BF16 elements with the whole team. */
    void fill(PackedMatrix matrix, MemorySegment source, long stride, boolean transposed) {
        matrix.fill(team, source, stride, transposed);
    }

    /** The elements of a tensor times a factor as BF16: its own memory where nothing changes. */
    MemorySegment half(Tensor tensor, float factor, Scratch scratch) {
        if (tensor.dtype() == DType.BF16 && factor == 1) {
            return tensor.data();
        }
        MemorySegment memory = scratch.atLeast(tensor.size() * Short.BYTES);
        Tensor target = new Tensor(DType.BF16, memory.asSlice(0, tensor.size() * Short.BYTES), tensor.size());
        Elementwise.scale(team, tensor, factor, target);
        return memory;
    }

    /** {@code C = A B}, or {@code C += A B}, on the whole team; C is [m, n]. */
    void multiply(Left a, int m, PackedMatrix b, Target c, boolean accumulate) {
        multiply(a, m, b, null, null, c, accumulate);
    }

    /** The same plus {@code A' B'}, where that is wanted. */
    private void multiply(
            Left a, int m, PackedMatrix b, @Nullable Left a2, @Nullable PackedMatrix b2, Target c, boolean accumulate) {
        int count = (long) m * b.n() * b.k() < ALONE ? 1 : team.size();
        int blocks = PackedMatrix.blocks(b.n());
        if (m >= 2 * ROWS * team.size() || m >= b.n()) {
            team.split(m, ROWS, count, (part, from, to) -> {
                region(parts[part], a, b, a2, b2, c, accumulate, (int) from, (int) to, 0, blocks);
            });
        } else {
            team.split(blocks, 1, count, (part, from, to) -> {
                region(parts[part], a, b, a2, b2, c, accumulate, 0, m, (int) from, (int) to);
            });
        }
    }

    /** Rows {@code [from, to)} and column blocks {@code [first, end)} of C. */
    static void region(
            Part mine,
            Left a,
            PackedMatrix b,
            @Nullable Left a2,
            @Nullable PackedMatrix b2,
            Target c,
            boolean accumulate,
            int from,
            int to,
            int first,
            int end) {
        int column = first * PackedMatrix.BLOCK;
        int columns = Math.min(b.n(), end * PackedMatrix.BLOCK) - column;
        for (int k = 0; k < b.k(); k += b.chunk()) {
            boolean last = k + b.chunk() >= b.k();
            int rows = mine.product.rows(b.rows(k));
            for (int i = from; i < to; i += rows) {
                int m = Math.min(rows, to - i);
                Left strip = a.transposed ? mine.turned(a, b.k(), i, m) : a.from(i);
                StripProduct.Factors factors = factors(strip, k, b, column);
                StripProduct.Factors term =
                        last && a2 != null && b2 != null ? factors(a2.from(i), 0, b2, column) : null;
                mine.product.run(m, columns, factors, term, c.at(i, column), accumulate || k > 0);
            }
        }
    }

    /** The chunk that begins with row k of B, columns from the beginning of a block on. */
    private static StripProduct.Factors factors(Left a, int k, PackedMatrix b, int column) {
        int rows = b.rows(k);
        long pitch = PackedMatrix.bytes(rows, PackedMatrix.BLOCK);
        return new StripProduct.Factors(a.address(0, k), a.stride, b.address(k, column), pitch, rows);
    }

    /** Rows of A from {@code i} on, and all of B, which is one chunk. */
    static StripProduct.Factors factors(Left a, long i, PackedMatrix b) {
        return new StripProduct.Factors(a.address(i, 0), a.stride, b.data().address(), b.pitch(), b.k());
    }

    /** What a thread multiplies with. */
    Part part(int part) {
        return parts[part];
    }

    /** What the team's matrices have taken so far; what each thread has for itself is little beside it. */
    long bytes() {
        return left.bytes() + leftOfTerm.bytes() + right.bytes() + packed.bytes() + unpacked.bytes();
    }

    @Override
    public void close() {
        for (Part one : parts) {
            one.close();
        }
        left.close();
        leftOfTerm.close();
        right.close();
        packed.close();
        unpacked.close();
    }
}
