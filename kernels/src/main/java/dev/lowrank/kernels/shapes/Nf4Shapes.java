package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;

/** The checks of weights in 4 bits. */
public final class Nf4Shapes {
    private Nf4Shapes() {}

    /** source F32, with as many elements as target. */
    public static void quantizeNf4(Tensor source, Nf4 target) {
        Shapes.floats("quantizeNf4 source", source, target.size());
        Shapes.usable("quantizeNf4 target", target.packed());
    }

    /** out F32 or BF16, with as many elements as source. */
    public static void dequantizeNf4(Nf4 source, Tensor out) {
        Shapes.reals("dequantizeNf4 out", out, source.size());
        Shapes.usable("dequantizeNf4 source", source.packed());
    }
}
