package dev.lowrank.engine.export;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.engine.format.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A tensor of a model folder, read a row or a column at a time so that it never lies in memory whole.
 *
 * @param columns elements of a row; of a vector, all
 */
record StoredMatrix(MemorySegment bytes, StoredType type, long columns) {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    static StoredMatrix of(ModelFolder model, String name) {
        TensorInfo info = model.info(name);
        long[] shape = info.shape();
        return new StoredMatrix(model.bytes(name), info.dtype(), shape[shape.length - 1]);
    }

    void row(long row, float[] target) {
        read(row * columns, 1, target);
    }

    void column(long column, float[] target) {
        read(column, columns, target);
    }

    private void read(long first, long step, float[] target) {
        switch (type) {
            case F32 -> {
                for (int i = 0; i < target.length; i++) {
                    target[i] = bytes.get(FLOAT, 4 * (first + i * step));
                }
            }
            case F64 -> {
                for (int i = 0; i < target.length; i++) {
                    target[i] = (float) bytes.get(DOUBLE, 8 * (first + i * step));
                }
            }
            case BF16 -> {
                for (int i = 0; i < target.length; i++) {
                    target[i] = Float.intBitsToFloat(bytes.get(SHORT, 2 * (first + i * step)) << 16);
                }
            }
            default -> {
                for (int i = 0; i < target.length; i++) {
                    target[i] = Float.float16ToFloat(bytes.get(SHORT, 2 * (first + i * step)));
                }
            }
        }
    }
}
