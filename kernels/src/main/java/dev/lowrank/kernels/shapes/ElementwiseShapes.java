package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Tensor;

/** The checks of operations on elements, wherever these stand: tensors need equal sizes, not equal axes. */
public final class ElementwiseShapes {
    private ElementwiseShapes() {}

    /** Equal types and sizes. */
    public static void copy(Tensor source, Tensor target) {
        Shapes.require(
                source.dtype() == target.dtype() && source.size() == target.size(),
                () -> "copy needs equal types and sizes, but was given %s and %s.".formatted(source, target));
    }

    /** F32 or BF16 of equal sizes. */
    public static void convert(Tensor source, Tensor target) {
        Shapes.reals("convert source", source);
        Shapes.reals("convert target", target, source.size());
    }

    /** target F32 or BF16. */
    public static void scale(Tensor target) {
        Shapes.reals("scale target", target);
    }

    /** F32 or BF16 of equal sizes. */
    public static void add(Tensor x, Tensor y, Tensor out) {
        Shapes.reals("add x", x);
        Shapes.reals("add y", y, x.size());
        Shapes.reals("add out", out, x.size());
    }

    /** x F32 or BF16; cap above 0. */
    public static void softCap(Tensor x, float cap) {
        Shapes.require(
                cap > 0 && cap < Float.POSITIVE_INFINITY,
                () -> "softCap cap must be above 0 and finite, but is %s.".formatted(cap));
        Shapes.reals("softCap x", x);
    }

    /** F32 or BF16 of equal sizes. */
    public static void gated(Tensor gate, Tensor up, Tensor out) {
        Shapes.reals("gated gate", gate);
        Shapes.reals("gated up", up, gate.size());
        Shapes.reals("gated out", out, gate.size());
    }

    /** F32 or BF16 of equal sizes. */
    public static void gatedBackward(Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        Shapes.reals("gatedBackward dOut", dOut);
        long size = dOut.size();
        Shapes.reals("gatedBackward gate", gate, size);
        Shapes.reals("gatedBackward up", up, size);
        Shapes.reals("gatedBackward dGate", dGate, size);
        Shapes.reals("gatedBackward dUp", dUp, size);
    }

    /** F32 or BF16 of equal sizes. */
    public static void activation(Tensor x, Tensor out) {
        Shapes.reals("activation x", x);
        Shapes.reals("activation out", out, x.size());
    }

    /** F32 or BF16 of equal sizes. */
    public static void activationBackward(Tensor dOut, Tensor x, Tensor dX) {
        Shapes.reals("activationBackward dOut", dOut);
        Shapes.reals("activationBackward x", x, dOut.size());
        Shapes.reals("activationBackward dX", dX, dOut.size());
    }

    /** F32 or BF16 of equal sizes; rate at least 0 and below 1. */
    public static void dropout(Tensor x, float rate, Tensor out) {
        Shapes.require(
                rate >= 0 && rate < 1, () -> "dropout rate must be at least 0 and below 1, but is %s.".formatted(rate));
        Shapes.reals("dropout x", x);
        Shapes.reals("dropout out", out, x.size());
    }

    /** x F32 or BF16; bound finite and at least 0. */
    public static void addUniformNoise(Tensor x, float bound) {
        Shapes.require(
                bound >= 0 && Float.isFinite(bound),
                () -> "addUniformNoise bound must be a number of at least 0, but is %s.".formatted(bound));
        Shapes.reals("addUniformNoise x", x);
    }
}
