package dev.lowrank.engine.format;

import java.util.Arrays;
import java.util.List;

/**
 * One tensor of a GGUF file.
 *
 * @param shape extents, outermost first, one to four (the file itself has them the other way round); a matrix of [out, in]
 *     multiplies from the left
 * @param offset first byte, counted from the start of the data
 */
public record GgufTensor(String name, GgufType type, List<Long> shape, long offset) {
    public GgufTensor {
        shape = List.copyOf(shape);
    }

    static GgufTensor of(String name, GgufType type, long[] shape, long offset) {
        return new GgufTensor(name, type, Arrays.stream(shape).boxed().toList(), offset);
    }

    /** Extent of the innermost axis, along which elements lie side by side. */
    public long columns() {
        return shape.getLast();
    }

    /** The product of all other extents. */
    public long rows() {
        return shape.stream().limit(shape.size() - 1).reduce(1L, Math::multiplyExact);
    }

    public long bytes() {
        return Math.multiplyExact(rows(), type.rowBytes(columns()));
    }
}
