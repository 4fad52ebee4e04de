package dev.lowrank.engine.format;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A 4-bit weight as bitsandbytes stores it, in the words of {@link Nf4}; all memory is little-endian. What
 * {@link ModelFolder#nf4} returns lies in the mapped file and is valid until the folder is closed.
 *
 * @param name the weight's, such as {@code model.layers.0.mlp.up_proj.weight}
 * @param packed two codes a byte, [ceil(rows x columns / 2)]
 * @param absmax fp32 [ceil(rows x columns / blockSize)], or null
 * @param nested the quantized scales, or null; just one of both is set
 * @param dtype what the weight was stored as before: {@code float32}, {@code bfloat16} or {@code float16}
 */
public record Nf4Weight(
        String name,
        long rows,
        long columns,
        int blockSize,
        String dtype,
        MemorySegment packed,
        @Nullable MemorySegment absmax,
        @Nullable Nested nested) {
    static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final String STATE = ".quant_state.bitsandbytes__nf4";

    /**
     * Quantized scales: {@code absmax[b] = map[codes[b]] * scale[b / block] + offset}.
     *
     * @param codes U8 [blocks]
     * @param scale fp32 [ceil(blocks / block)]
     * @param map fp32 [256]
     */
    public record Nested(MemorySegment codes, MemorySegment scale, MemorySegment map, float offset, int block) {}

    public Nf4Weight {
        if ((absmax == null) == (nested == null)) {
            throw new IllegalArgumentException(name + " needs its scales either as fp32 or quantized");
        }
    }

    /** Takes memory for the weight and copies it there. */
    public Nf4 upload(Kernels kernels, Workspace memory) {
        Nf4 target = Nf4.allocate(memory, rows, columns, blockSize, nested == null ? 0 : nested.block);
        kernels.upload(packed, target.packed());
        Tensor targetAbsmax = target.absmax();
        Nf4.Nested targetNested = target.nested();
        if (absmax != null && targetAbsmax != null) {
            kernels.upload(absmax, targetAbsmax);
        }
        if (nested != null && targetNested != null) {
            kernels.upload(nested.codes, targetNested.codes());
            kernels.upload(nested.scale, targetNested.scale());
            kernels.upload(nested.map, targetNested.map());
            kernels.upload(new float[] {nested.offset}, 0, targetNested.offset());
        }
        return target;
    }

    /** Copies a weight from the device, to be written. */
    public static Nf4Weight download(String name, Nf4 weight, String dtype, Kernels kernels) {
        Nf4.Nested nested = weight.nested();
        return new Nf4Weight(
                name,
                weight.rows(),
                weight.columns(),
                weight.blockSize(),
                dtype,
                bytes(weight.packed(), kernels),
                weight.absmax() == null ? null : bytes(weight.absmax(), kernels),
                nested == null
                        ? null
                        : new Nested(
                                bytes(nested.codes(), kernels),
                                bytes(nested.scale(), kernels),
                                bytes(nested.map(), kernels),
                                bytes(nested.offset(), kernels).get(FLOAT, 0),
                                nested.block()));
    }

    private static MemorySegment bytes(Tensor tensor, Kernels kernels) {
        MemorySegment bytes =
                MemorySegment.ofArray(new byte[Math.toIntExact(tensor.data().byteSize())]);
        kernels.download(tensor, bytes);
        return bytes;
    }

    /** Adds the weight and its side tensors, as bitsandbytes writes them. */
    public void addTo(SafetensorsWriter writer) {
        float[] codes = Nf4.codes();
        writer.addBytes(name, StoredType.U8, new long[] {packed.byteSize(), 1}, () -> packed);
        writer.add(name + ".quant_map", StoredType.F32, new long[] {codes.length}, codes);
        if (absmax != null) {
            addFloats(writer, ".absmax", absmax);
        }
        if (nested != null) {
            MemorySegment scales = nested.codes;
            writer.addBytes(name + ".absmax", StoredType.U8, new long[] {scales.byteSize()}, () -> scales);
            addFloats(writer, ".nested_absmax", nested.scale);
            addFloats(writer, ".nested_quant_map", nested.map);
        }
        byte[] state = state().getBytes(StandardCharsets.UTF_8);
        writer.addBytes(name + STATE, StoredType.U8, new long[] {state.length}, () -> MemorySegment.ofArray(state));
    }

    private void addFloats(SafetensorsWriter writer, String suffix, MemorySegment values) {
        writer.addBytes(name + suffix, StoredType.F32, new long[] {values.byteSize() / Float.BYTES}, () -> values);
    }

    /** What is no tensor, in the JSON that Python writes. */
    private String state() {
        String own = "{\"quant_type\": \"nf4\", \"blocksize\": %d, \"dtype\": \"%s\", \"shape\": [%d, %d]"
                .formatted(blockSize, dtype, rows, columns);
        if (nested == null) {
            return own + "}";
        }
        return own
                + ", \"nested_blocksize\": %d, \"nested_dtype\": \"float32\", \"nested_offset\": %s}"
                        .formatted(nested.block, python(nested.offset));
    }

    /** A number as Python prints it: in full from 1e-4 on, with a two-digit exponent below. */
    static String python(double number) {
        String java = Double.toString(number);
        int e = java.indexOf('E');
        if (e < 0 || Math.abs(number) >= 1e-4 && Math.abs(number) < 1e16) {
            String plain = new BigDecimal(java).toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        int exponent = Integer.parseInt(java.substring(e + 1));
        String digits = java.substring(0, e).replaceFirst("\\.0$", "");
        return "%se%s%02d".formatted(digits, exponent < 0 ? "-" : "+", Math.abs(exponent));
    }
}
