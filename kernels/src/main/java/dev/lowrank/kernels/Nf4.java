package dev.lowrank.kernels;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A matrix of 4-bit NormalFloat codes: {@code weight[i] = code[i] * absmax[i / blockSize]} over its elements in row-major
 * order, so blocks run on from row to row and the last one may be short. Element 2j lies in the high half of byte j.
 *
 * <p>The scales are either fp32 ({@code absmax}), or themselves quantized ({@code nested}); just one of both is set.
 *
 * @param packed U8 [ceil(n / 2)], n = rows x columns
 * @param absmax F32 [ceil(n / blockSize)], or null
 * @param nested the quantized scales, or null
 * @param blockSize elements to a scale: a power of two from 32 to 4096
 */
public record Nf4(
        Tensor packed, @Nullable Tensor absmax, @Nullable Nested nested, int rows, int columns, int blockSize)
        implements FrozenMatrix {
    /** The usual number of elements to a scale. */
    public static final int BLOCK = 64;

    /** The usual number of scales to a nested scale. */
    public static final int NESTED_BLOCK = 256;

    /** Entries of a nested map. */
    public static final int MAP_SIZE = 256;

    private static final float[] CODES = {
        -1.0f,
        -0.6961928009986877f,
        -0.5250730514526367f,
        -0.39491748809814453f,
        -0.28444138169288635f,
        -0.18477343022823334f,
        -0.09105003625154495f,
        0.0f,
        0.07958029955625534f,
        0.16093020141124725f,
        0.24611230194568634f,
        0.33791524171829224f,
        0.44070982933044434f,
        0.5626170039176941f,
        0.7229568362236023f,
        1.0f
    };

    /**
     * Quantized scales: {@code absmax[b] = map[codes[b]] * scale[b / block] + offset}.
     *
     * @param codes U8 [ceil(n / blockSize)]
     * @param scale F32 [ceil(codes / block)]
     * @param map F32 [256], what each code stands for
     * @param offset F32 [1]
     * @param block codes to a scale
     */
    public record Nested(Tensor codes, Tensor scale, Tensor map, Tensor offset, int block) {
        public Nested {
            if (block < 1) {
                throw new IllegalArgumentException("A nested block of %d scales is none.".formatted(block));
            }
            check("codes", codes, DType.U8, codes.size());
            check("scale", scale, DType.F32, Math.ceilDiv(codes.size(), block));
            check("map", map, DType.F32, MAP_SIZE);
            check("offset", offset, DType.F32, 1);
        }
    }

    public Nf4 {
        if (rows < 1 || columns < 1 || !isBlockSize(blockSize)) {
            throw new IllegalArgumentException(
                    "NF4 cannot hold a [%d, %d] matrix in blocks of %d elements.".formatted(rows, columns, blockSize));
        }
        long n = (long) rows * columns;
        long blocks = Math.ceilDiv(n, blockSize);
        check("packed", packed, DType.U8, Math.ceilDiv(n, 2));
        if ((absmax == null) == (nested == null)) {
            throw new IllegalArgumentException("An NF4 weight needs its scales either as fp32 or quantized.");
        }
        if (absmax != null) {
            check("absmax", absmax, DType.F32, blocks);
        }
        if (nested != null) {
            check("codes", nested.codes, DType.U8, blocks);
        }
    }

    /**
     * Takes the memory of a weight with blocks of 64, contents undefined.
     *
     * @param doubled quantize the scales too, in blocks of 256
     */
    public static Nf4 allocate(Workspace memory, long rows, long columns, boolean doubled) {
        return allocate(memory, rows, columns, BLOCK, doubled ? NESTED_BLOCK : 0);
    }

    /**
     * Takes the memory of a weight, contents undefined.
     *
     * @param nestedBlock scales to a nested scale; 0 for scales in fp32
     */
    public static Nf4 allocate(Workspace memory, long rows, long columns, int blockSize, int nestedBlock) {
        int height = Math.toIntExact(rows);
        int width = Math.toIntExact(columns);
        long n = rows * columns;
        long blocks = Math.ceilDiv(n, blockSize);
        Tensor packed = memory.take(DType.U8, Math.ceilDiv(n, 2));
        if (nestedBlock == 0) {
            return new Nf4(packed, memory.take(blocks), null, height, width, blockSize);
        }
        Nested nested = new Nested(
                memory.take(DType.U8, blocks),
                memory.take(Math.ceilDiv(blocks, nestedBlock)),
                memory.take(MAP_SIZE),
                memory.take(1),
                nestedBlock);
        return new Nf4(packed, null, nested, height, width, blockSize);
    }

    /** What the sixteen codes stand for, rising from -1 to 1. */
    public static float[] codes() {
        return CODES.clone();
    }

    /** Whether a block may have so many elements. */
    public static boolean isBlockSize(int size) {
        return size >= 32 && size <= 4096 && Integer.bitCount(size) == 1;
    }

    /** Elements: rows x columns. */
    public long size() {
        return (long) rows * columns;
    }

    /** Blocks, the last of which may be short. */
    public long blocks() {
        return Math.ceilDiv(size(), blockSize);
    }

    /** Bytes of codes and scales. The nested map, 1 KiB and the same in every weight, is not counted. */
    public long bytes() {
        long bytes = packed.data().byteSize();
        if (absmax != null) {
            bytes += absmax.data().byteSize();
        }
        if (nested != null) {
            bytes += nested.codes.data().byteSize()
                    + nested.scale.data().byteSize()
                    + nested.offset.data().byteSize();
        }
        return bytes;
    }

    /** What an element really takes: 4.5 bits, or 4.127 with quantized scales. */
    public double bitsPerParameter() {
        return 8.0 * bytes() / size();
    }

    /** Such as {@code NF4[2048, 8192] (4.127 bits a parameter)}. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "NF4[%d, %d] (%.3f bits a parameter)", rows, columns, bitsPerParameter());
    }

    private static void check(String what, Tensor tensor, DType dtype, long size) {
        if (tensor.dtype() != dtype || tensor.size() != size) {
            throw new IllegalArgumentException(
                    "The %s of an NF4 weight must be %s [%d] but is %s.".formatted(what, dtype, size, tensor));
        }
    }
}
