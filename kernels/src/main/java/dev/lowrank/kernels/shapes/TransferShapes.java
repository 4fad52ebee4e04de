package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** The checks of what comes to a device and leaves it. */
public final class TransferShapes {
    private TransferShapes() {}

    /** target F32 or BF16, with as many elements as source has from offset on, or fewer. */
    public static void upload(float[] source, int offset, Tensor target) {
        Shapes.reals("upload target", target);
        fits("upload source", source, offset, target);
    }

    /** target I32 [length of source]. */
    public static void upload(int[] source, Tensor target) {
        Shapes.ints("upload target", target, source.length);
    }

    /** target of as many bytes as source. */
    public static void upload(MemorySegment source, Tensor target) {
        Shapes.usable("upload target", target);
        sameBytes("upload source", source, target);
    }

    /** source F32 or BF16, with as many elements as target has from offset on, or fewer. */
    public static void download(Tensor source, float[] target, int offset) {
        Shapes.reals("download source", source);
        fits("download target", target, offset, source);
    }

    /** source of as many bytes as target. */
    public static void download(Tensor source, MemorySegment target) {
        Shapes.usable("download source", source);
        sameBytes("download target", target, source);
    }

    private static void fits(String what, float[] array, int offset, Tensor tensor) {
        Shapes.require(
                offset >= 0 && tensor.size() <= array.length - offset,
                () -> "%s has %d floats, too few for %s from %d on.".formatted(what, array.length, tensor, offset));
    }

    private static void sameBytes(String what, MemorySegment memory, Tensor tensor) {
        Shapes.require(
                memory.byteSize() == tensor.data().byteSize(),
                () -> "%s has %d bytes, but %s takes %d."
                        .formatted(
                                what, memory.byteSize(), tensor, tensor.data().byteSize()));
    }
}
