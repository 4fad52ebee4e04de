package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Products of bf16 matrices with fp32 sums, in the processor's tiles where it has them. The team packs the right factor
 * first, which costs little next to the product: a hundredth at two thousand rows. Then each thread has its rows of C, or
 * its columns where the rows are few, and walks them in strips, so that few shapes are ever compiled: lengths that differ
 * from batch to batch are made of powers of two, and tails below 16 are computed in padded scratch.
 */
final class Bf16Matmul implements AutoCloseable {
    static final int STRIP = 256;
    static final int SMALLEST_STRIP = 16;

    /** Rows of B that go through one product where k is long; so much of a panel of B stays in the cache. */
    static final int CHUNK = 2048;

    /** The same where k is a number of tokens. */
    private static final int TOKENS = 512;

    /** A panel of B, which all strips of A pass, should take no more than this: half of a usual second-level cache. */
    private static final long PANEL_BYTES = 1 << 20;

    /** Products below this many multiply-adds are not worth dividing. */
    private static final long ALONE = 1 << 18;

    /** With so few rows of C, a product that sums over tokens is computed as its transpose: only the narrow factor is packed. */
    private static final int NARROW = 64;

    private static final int LINE = 64;

    /** Written so that the compiler cannot leave the reading out. */
    @SuppressWarnings("unused")
    private static int fetched;

    private final Team team;
    private final Compiled[] compiled;
    private final Scratch left;
    private final Scratch leftOfTerm;
    private final Scratch right;
    private final Scratch packed;
    private final Scratch turned;

    Bf16Matmul(Team team, CpuWorkspace.Source source) {
        this.team = team;
        this.left = new Scratch(source);
        this.leftOfTerm = new Scratch(source);
        this.right = new Scratch(source);
        this.packed = new Scratch(source);
        this.turned = new Scratch(source);
        this.compiled = new Compiled[team.size()];
        for (int i = 0; i < compiled.length; i++) {
            compiled[i] = new Compiled();
        }
    }

    /** What one thread has compiled, and the memory it works in. */
    static final class Compiled {
        private final Map<BlockedProduct.Shape, BlockedProduct> products = new HashMap<>();
        private final Scratch work = new Scratch();
        private final Scratch tailOfA = new Scratch();
        private final Scratch tailOfC = new Scratch();

        void run(BlockedProduct.Shape shape, long a, long b, long c) {
            BlockedProduct product = products.computeIfAbsent(shape, BlockedProduct::new);
            product.run(a, b, c, work.atLeast(product.scratchBytes()).address());
        }

        void close() {
            products.values().forEach(BlockedProduct::destroy);
            products.clear();
            work.close();
            tailOfA.close();
            tailOfC.close();
        }
    }

    /**
     * A left factor of BF16 elements: A [m, k], or stored as [k, m] if transposed. Where k is odd, oneDNN reads on behind each
     * row to a multiple of 32 and multiplies with zero, so what lies there must be finite.
     */
    record Left(MemorySegment data, long stride, boolean transposed) {
        long at(long row, long column) {
            return transposed ? column * stride + row : row * stride + column;
        }
    }

    /** Where C lies: F32, or BF16 if half; rows {@code stride} elements apart. */
    record Target(MemorySegment data, long stride, boolean half) {
        int bytes() {
            return half ? Short.BYTES : Float.BYTES;
        }

        long offset(long row, long column) {
            return (row * stride + column) * bytes();
        }

        long address(long row, long column) {
            return data.address() + offset(row, column);
        }
    }

    /** {@code c = alpha * op(a) * op(b) + beta * c} with shapes already checked; any of them F32 or BF16. */
    void run(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c) {
        int m = c.rows();
        int n = c.columns();
        int k = transposeA ? a.rows() : a.columns();
        if (beta != 0 && beta != 1) {
            Elementwise.scale(team, c, beta);
        }
        boolean accumulate = beta != 0;
        if (transposeA && !transposeB && m <= NARROW && m < n) {
            turned(a, b, alpha, accumulate, c, m, n, k);
            return;
        }
        PackedMatrix second =
                pack(b, transposeB, alpha, k, n, transposeA ? TOKENS : c.dtype() == DType.F32 ? CHUNK : k, transposeA);
        Left first = !transposeA && k % 2 != 0 ? padded(a) : new Left(half(a, 1, left), a.columns(), transposeA);
        multiply(first, m, second, new Target(c.data(), n, c.dtype() == DType.BF16), accumulate);
    }

    /** A with zeros behind each row: blocks are read whole where k is odd, and what stood there might not be a number. */
    private Left padded(Tensor a) {
        return padded(a, left);
    }

    private Left padded(Tensor a, Scratch scratch) {
        long columns = a.columns();
        long stride = PackedMatrix.blocks(a.columns()) * (long) PackedMatrix.BLOCK;
        MemorySegment memory = scratch.atLeast(a.rows() * stride * Short.BYTES); // [m, stride]
        Floats from = Floats.of(a);
        Floats to = new Floats(memory, true);
        team.rows(a.rows(), stride, (begin, end) -> {
            for (long i = begin; i < end; i++) {
                Floats.convert(from, i * columns, to, i * stride, columns);
                memory.asSlice((i * stride + columns) * Short.BYTES, (stride - columns) * Short.BYTES)
                        .fill((byte) 0);
            }
        });
        return new Left(memory, stride, false);
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

    /** The right factor of a product with a packed matrix, or with its transpose. */
    static PackedMatrix view(Packed packed, boolean transposed) {
        int k = transposed ? packed.columns() : packed.rows();
        int n = transposed ? packed.rows() : packed.columns();
        int chunk = transposed ? k : packed.chunk();
        return new PackedMatrix((transposed ? packed.forward() : packed.backward()).data(), k, n, chunk, false);
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
    void run(Tensor a, Packed b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        PackedMatrix second = view(b, transposeB);
        Left first = second.k() % 2 == 0 ? new Left(half(a, 1, left), a.columns(), false) : padded(a);
        Target target = new Target(c.data(), c.columns(), c.dtype() == DType.BF16);
        if (term == null) {
            multiply(first, c.rows(), second, target, beta != 0);
            return;
        }
        int rank = term.left().columns();
        Left thin = rank % 2 == 0 && term.left().dtype() == DType.BF16
                ? new Left(term.left().data(), rank, false)
                : padded(term.left(), leftOfTerm);
        PackedMatrix right = pack(term.right(), term.transposed(), term.scale(), rank, c.columns(), rank, false);
        multiply(first, c.rows(), second, thin, right, target, beta != 0);
    }

    /** {@code C^T = B^T A}, added to C: sums over tokens whose result has few rows. */
    private void turned(Tensor a, Tensor b, float alpha, boolean accumulate, Tensor c, int m, int n, int k) {
        MemorySegment transpose = turned.atLeast((long) m * n * Float.BYTES); // [n, m]
        PackedMatrix second = pack(a, false, alpha, k, m, TOKENS, true);
        Left first = new Left(half(b, 1, left), n, true);
        multiply(first, n, second, new Target(transpose, m, false), false);
        Floats to = Floats.of(c);
        team.columns(m, n, (part, from, end) -> addTransposed(transpose, to, accumulate, m, n, (int) from, (int) end));
    }

    /** {@code C[i, j] (+)= transpose[j, i]} in the columns {@code [from, end)}. */
    private static void addTransposed(
            MemorySegment transpose, Floats c, boolean accumulate, int m, int n, int from, int end) {
        for (int i = 0; i < m; i++) {
            long row = (long) i * n;
            for (int j = from; j < end; j++) {
                float sum = Lanes.get(transpose, (long) j * m + i);
                c.set(row + j, accumulate ? c.get(row + j) + sum : sum);
            }
        }
    }

    /** Packs {@code alpha op(b)} [k, n] for one product. */
    private PackedMatrix pack(Tensor b, boolean transposed, float alpha, int k, int n, int chunk, boolean varying) {
        MemorySegment source = half(b, alpha, right);
        PackedMatrix matrix =
                new PackedMatrix(packed.atLeast(PackedMatrix.bytes(k, n)), k, n, Math.min(chunk, k), varying);
        fill(matrix, source, b.columns(), transposed);
        return matrix;
    }

    /** Fills a packed matrix from BF16 elements, as {@link PackedMatrix#fill} does, with the whole team. */
    void fill(PackedMatrix matrix, MemorySegment source, long stride, boolean transposed) {
        team.split(
                PackedMatrix.blocks(matrix.n()),
                1,
                team.parts((long) matrix.k() * matrix.n()),
                (from, to) -> matrix.fill(source, stride, transposed, (int) from, (int) to));
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

    /** The same plus {@code A' B'}, where that is wanted, while a strip of C is still in the cache. */
    private void multiply(
            Left a, int m, PackedMatrix b, @Nullable Left a2, @Nullable PackedMatrix b2, Target c, boolean accumulate) {
        int parts = (long) m * b.n() * b.k() < ALONE ? 1 : team.size();
        int blocks = PackedMatrix.blocks(b.n());
        if (m >= 2 * SMALLEST_STRIP * team.size() || m >= b.n()) {
            team.split(m, SMALLEST_STRIP, parts, (part, from, to) -> {
                region(compiled[part], a, b, a2, b2, c, accumulate, (int) from, (int) to, 0, blocks);
            });
        } else {
            team.split(blocks, 1, parts, (part, from, to) -> {
                region(compiled[part], a, b, a2, b2, c, accumulate, 0, m, (int) from, (int) to);
            });
        }
    }

    /** Rows {@code [from, to)} and column blocks {@code [first, end)} of C. */
    static void region(
            Compiled mine,
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
        int panel = panel(Math.min(b.chunk(), b.k()));
        for (int block = first; block < end; block += panel) {
            int column = block * PackedMatrix.BLOCK;
            int columns = Math.min(b.n(), Math.min(end, block + panel) * PackedMatrix.BLOCK) - column;
            for (int row = 0; row < b.k(); row += b.rows(row)) {
                boolean last = row + b.rows(row) >= b.k();
                for (int i = from; i < to; ) {
                    int m = strip(to - i, a.transposed);
                    if (block == first && !a.transposed) {
                        fetch(a.data, a.at(i, row) * Short.BYTES, a.stride * Short.BYTES, m, b.rows(row) * Short.BYTES);
                    }
                    strip(mine, a, b, c, accumulate || row > 0, i, m, column, columns, row);
                    if (last && a2 != null && b2 != null) {
                        strip(mine, a2, b2, c, true, i, m, column, columns, 0);
                    }
                    i += m;
                }
            }
        }
    }

    /** {@code C = A B + A' B'}, or added to C, in m rows from {@code i} on; k is in one chunk. */
    static void panels(
            Compiled mine,
            Left a,
            PackedMatrix b,
            Left a2,
            PackedMatrix b2,
            Target c,
            boolean accumulate,
            int i,
            int m) {
        int panel = panel(b.k()) * PackedMatrix.BLOCK;
        for (int column = 0; column < b.n(); column += panel) {
            int columns = Math.min(panel, b.n() - column);
            strip(mine, a, b, c, accumulate, i, m, column, columns, 0);
            strip(mine, a2, b2, c, true, i, m, column, columns, 0);
        }
    }

    /** What a thread has compiled. */
    Compiled compiled(int part) {
        return compiled[part];
    }

    private static int panel(int chunk) {
        long block = (long) PackedMatrix.blocks(chunk) * PackedMatrix.BLOCK * PackedMatrix.BLOCK * Short.BYTES;
        return (int) Math.max(2, PANEL_BYTES / block);
    }

    /** Rows {@code [i, i + m)} and columns {@code [column, column + columns)} of C, one chunk of k. */
    static void strip(
            Compiled mine,
            Left a,
            PackedMatrix b,
            Target c,
            boolean accumulate,
            int i,
            int m,
            int column,
            int columns,
            int row) {
        int k = b.rows(row);
        long second = b.address(row, column);
        if (b.varying() && k < PackedMatrix.BLOCK) {
            MemorySegment tail = tailOfK(mine, a, i, m, row, k);
            mine.run(
                    new BlockedProduct.Shape(m, columns, PackedMatrix.BLOCK, m, true, c.stride, c.half, accumulate),
                    tail.address(),
                    second,
                    c.address(i, column));
        } else if (m < SMALLEST_STRIP && !a.transposed) {
            tailOfM(mine, a, b, c, accumulate, i, m, column, columns, row, k);
        } else {
            if (!accumulate) {
                fetch(c.data, c.offset(i, column), c.stride * c.bytes(), m, (long) columns * c.bytes());
            }
            mine.run(
                    new BlockedProduct.Shape(m, columns, k, a.stride, a.transposed, c.stride, c.half, accumulate),
                    a.data.address() + a.at(i, row) * Short.BYTES,
                    second,
                    c.address(i, column));
        }
    }

    /**
     * Brings a strip of A, or one of C that is about to be written, into the cache, row by row. The product goes tile by tile,
     * a line here and a line there, and would wait for the memory each time: a third longer for C of several megabytes.
     */
    static void fetch(MemorySegment data, long from, long stride, int rows, long bytes) {
        int sum = 0;
        for (int i = 0; i < rows; i++) {
            long at = from + i * stride;
            for (long j = 0; j < bytes; j += LINE) {
                sum += data.get(JAVA_BYTE, at + j);
            }
        }
        fetched = sum;
    }

    /** The largest strip that fits; of a transposed A, whose m is the model's, the whole rest. */
    static int strip(int left, boolean transposed) {
        return left >= STRIP
                ? STRIP
                : transposed ? left : Math.max(Math.min(left, SMALLEST_STRIP), Integer.highestOneBit(left));
    }

    /** The last rows of a transposed A, fewer than a block, with zeros below: [32, m]. */
    private static MemorySegment tailOfK(Compiled mine, Left a, int i, int m, int row, int k) {
        MemorySegment tail = mine.tailOfA.atLeast((long) PackedMatrix.BLOCK * m * Short.BYTES);
        tail.asSlice(0, (long) PackedMatrix.BLOCK * m * Short.BYTES).fill((byte) 0);
        long bytes = (long) m * Short.BYTES;
        for (int j = 0; j < k; j++) {
            MemorySegment.copy(a.data, a.at(i, (long) row + j) * Short.BYTES, tail, j * bytes, bytes);
        }
        return tail;
    }

    /** The last rows of C, fewer than a strip, computed with rows of zeros below them. */
    private static void tailOfM(
            Compiled mine,
            Left a,
            PackedMatrix b,
            Target c,
            boolean accumulate,
            int i,
            int m,
            int column,
            int columns,
            int row,
            int k) {
        long stride = PackedMatrix.blocks(k) * (long) PackedMatrix.BLOCK;
        MemorySegment rows = mine.tailOfA.atLeast(SMALLEST_STRIP * stride * Short.BYTES); // [16, stride]
        MemorySegment sums = mine.tailOfC.atLeast((long) SMALLEST_STRIP * columns * c.bytes()); // [16, columns]
        rows.asSlice(0, SMALLEST_STRIP * stride * Short.BYTES).fill((byte) 0);
        sums.asSlice(0, (long) SMALLEST_STRIP * columns * c.bytes()).fill((byte) 0);
        long bytesOfC = (long) columns * c.bytes();
        for (int j = 0; j < m; j++) {
            MemorySegment.copy(
                    a.data,
                    a.at((long) i + j, row) * Short.BYTES,
                    rows,
                    j * stride * Short.BYTES,
                    (long) k * Short.BYTES);
            if (accumulate) {
                MemorySegment.copy(
                        c.data, ((i + (long) j) * c.stride + column) * c.bytes(), sums, j * bytesOfC, bytesOfC);
            }
        }
        mine.run(
                new BlockedProduct.Shape(SMALLEST_STRIP, columns, k, stride, false, columns, c.half, accumulate),
                rows.address(),
                b.address(row, column),
                sums.address());
        for (int j = 0; j < m; j++) {
            MemorySegment.copy(sums, j * bytesOfC, c.data, ((i + (long) j) * c.stride + column) * c.bytes(), bytesOfC);
        }
    }

    /** What the team's matrices have taken so far; what each thread has for itself is little beside it. */
    long bytes() {
        return left.bytes() + leftOfTerm.bytes() + right.bytes() + packed.bytes() + turned.bytes();
    }

    /** How many products have been compiled, by all threads. */
    int compiledProducts() {
        int count = 0;
        for (Compiled one : compiled) {
            count += one.products.size();
        }
        return count;
    }

    @Override
    public void close() {
        for (Compiled one : compiled) {
            one.close();
        }
        left.close();
        leftOfTerm.close();
        right.close();
        packed.close();
        turned.close();
    }
}
