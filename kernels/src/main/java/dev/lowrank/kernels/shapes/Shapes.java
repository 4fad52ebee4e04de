package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.util.function.Supplier;

/** The checks at the door of every operation; {@code what} names the operation and the tensor. */
final class Shapes {
    private Shapes() {}

    /** An F32 tensor of any shape. */
    static void floats(String what, Tensor tensor) {
        usable(what, tensor);
        if (tensor.dtype() != DType.F32) {
            throw new IllegalArgumentException("%s must be F32 but is %s.".formatted(what, tensor));
        }
    }

    /** An F32 tensor of so many elements, whatever its axes. */
    static void floats(String what, Tensor tensor, long size) {
        floats(what, tensor);
        if (tensor.size() != size) {
            throw new IllegalArgumentException("%s must be F32 [%d] but is %s.".formatted(what, size, tensor));
        }
    }

    /** An F32 or BF16 tensor of any shape. */
    static void reals(String what, Tensor tensor) {
        usable(what, tensor);
        if (tensor.dtype() != DType.F32 && tensor.dtype() != DType.BF16) {
            throw new IllegalArgumentException("%s must be F32 or BF16 but is %s.".formatted(what, tensor));
        }
    }

    /** An F32 or BF16 tensor of so many elements, whatever its axes. */
    static void reals(String what, Tensor tensor, long size) {
        reals(what, tensor);
        if (tensor.size() != size) {
            throw new IllegalArgumentException("%s must have %d elements but is %s.".formatted(what, size, tensor));
        }
    }

    /** An F32 or BF16 tensor with at least one axis, read as a matrix. */
    static void realMatrix(String what, Tensor tensor) {
        reals(what, tensor);
        if (tensor.shape().length == 0) {
            throw new IllegalArgumentException("%s must have rows but is a single number.".formatted(what));
        }
    }

    /** An F32 or BF16 tensor whose first axis is {@code rows} and whose other axes multiply to {@code columns}. */
    static void realMatrix(String what, Tensor tensor, long rows, long columns) {
        realMatrix(what, tensor);
        if (tensor.rows() != rows || tensor.columns() != columns) {
            throw new IllegalArgumentException("%s must be [%d, %d] but is %s.".formatted(what, rows, columns, tensor));
        }
    }

    /** The same of BF16. */
    static void halfMatrix(String what, Tensor tensor, long rows, long columns) {
        realMatrix(what, tensor, rows, columns);
        if (tensor.dtype() != DType.BF16) {
            throw new IllegalArgumentException("%s must be BF16 but is %s.".formatted(what, tensor));
        }
    }

    /** An I32 tensor of so many elements. */
    static void ints(String what, Tensor tensor, long size) {
        usable(what, tensor);
        if (tensor.dtype() != DType.I32 || tensor.size() != size) {
            throw new IllegalArgumentException("%s must be I32 [%d] but is %s.".formatted(what, size, tensor));
        }
    }

    /** An F32 tensor with at least one axis, read as a matrix. */
    static void matrix(String what, Tensor tensor) {
        floats(what, tensor);
        if (tensor.shape().length == 0) {
            throw new IllegalArgumentException("%s must have rows but is a single number.".formatted(what));
        }
    }

    /** An F32 tensor whose first axis is {@code rows} and whose other axes multiply to {@code columns}. */
    static void matrix(String what, Tensor tensor, long rows, long columns) {
        matrix(what, tensor);
        if (tensor.rows() != rows || tensor.columns() != columns) {
            throw new IllegalArgumentException(
                    "%s must be F32 [%d, %d] but is %s.".formatted(what, rows, columns, tensor));
        }
    }

    /** Each of so many values in {@code [0, limit)}, or equal to {@code except}. */
    static void inRange(String what, Ints values, long size, int limit, int except) {
        for (long i = 0; i < size; i++) {
            int value = values.at(i);
            if ((value < 0 || value >= limit) && value != except) {
                throw new IllegalArgumentException(
                        "%s[%d] is %d, outside 0 to %d.".formatted(what, i, value, limit - 1));
            }
        }
    }

    /** What the old contents of a sum count. */
    static void beta(String what, float beta) {
        require(beta == 0 || beta == 1, () -> "%s beta is %s, but must be 0 or 1.".formatted(what, beta));
    }

    static void require(boolean holds, Supplier<String> sentence) {
        if (!holds) {
            throw new IllegalArgumentException(sentence.get());
        }
    }

    /** A tensor whose memory is still there. */
    static void usable(String what, Tensor tensor) {
        if (!tensor.data().scope().isAlive()) {
            throw new IllegalArgumentException("%s lies in a workspace that is closed.".formatted(what));
        }
    }
}
