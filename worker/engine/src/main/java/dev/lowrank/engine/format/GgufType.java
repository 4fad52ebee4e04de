package dev.lowrank.engine.format;

import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The tensor types written and read here, with their numbers in a GGUF file. Rows are stored one after another. */
public enum GgufType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    /** Blocks of 32 along a row: a scale as F16, then 32 signed bytes. */
    Q8_0(8, 32, 34),
    BF16(30, 1, 2);

    private final int code;
    private final int block;
    private final int blockBytes;

    GgufType(int code, int block, int blockBytes) {
        this.code = code;
        this.block = block;
        this.blockBytes = blockBytes;
    }

    int code() {
        return code;
    }

    static @Nullable GgufType ofCode(long code) {
        for (GgufType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        return null;
    }

    /** Elements that are stored together; a row must be a multiple of it. */
    public int block() {
        return block;
    }

    /** Bytes that a row of so many elements takes. */
    public long rowBytes(long columns) {
        if (columns % block != 0) {
            throw new IllegalArgumentException(
                    "a row of %d elements is not a multiple of %d".formatted(columns, block));
        }
        return Math.multiplyExact(columns / block, blockBytes);
    }

    /**
     * Appends a row, rounded to nearest: ties to even in F16 and BF16, away from zero in Q8_0.
     *
     * @param row finite values; the whole array
     * @param target little-endian, with room for {@link #rowBytes}
     */
    public void encode(float[] row, ByteBuffer target) {
        switch (this) {
            case F32 -> {
                for (float value : row) {
                    target.putFloat(value);
                }
            }
            case F16 -> {
                for (float value : row) {
                    target.putShort(Float.floatToFloat16(value));
                }
            }
            case BF16 -> {
                for (float value : row) {
                    target.putShort(SafetensorsWriter.toBrainFloat(value));
                }
            }
            case Q8_0 -> {
                for (int from = 0; from < row.length; from += block) {
                    encodeBlock(row, from, target);
                }
            }
        }
    }

    /** d = max |x| / 127; q = round(x / d), where x / d is x times the rounded reciprocal, as llama.cpp has it. */
    private static void encodeBlock(float[] row, int from, ByteBuffer target) {
        float largest = 0;
        for (int i = from; i < from + Q8_0.block; i++) {
            largest = Math.max(largest, Math.abs(row[i]));
        }
        float step = largest / 127;
        float perStep = step == 0 ? 0 : 1 / step;
        target.putShort(Float.floatToFloat16(step));
        for (int i = from; i < from + Q8_0.block; i++) {
            float steps = row[i] * perStep;
            float magnitude = Math.abs(steps);
            int rounded = (int) Math.floor(magnitude);
            rounded += magnitude - rounded >= 0.5f ? 1 : 0;
            target.put((byte) (steps < 0 ? -rounded : rounded));
        }
    }

    /**
     * The reverse of {@link #encode}.
     *
     * @param source little-endian, at the row's first byte
     * @param row filled whole
     */
    public void decode(ByteBuffer source, float[] row) {
        switch (this) {
            case F32 -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] = source.getFloat();
                }
            }
            case F16 -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] = Float.float16ToFloat(source.getShort());
                }
            }
            case BF16 -> {
                for (int i = 0; i < row.length; i++) {
                    row[i] = Float.intBitsToFloat(source.getShort() << 16);
                }
            }
            case Q8_0 -> {
                for (int from = 0; from < row.length; from += block) {
                    float step = Float.float16ToFloat(source.getShort());
                    for (int i = from; i < from + block; i++) {
                        row[i] = step * source.get();
                    }
                }
            }
        }
    }

    /** As a person types it: {@code q8_0}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
