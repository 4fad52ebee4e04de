package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies between the host and a device, and on it. */
final class Transfers {
    private final Device device;

    Transfers(Device device) {
        this.device = device;
    }

    void upload(float[] source, int offset, Tensor target) {
        MemorySegment values = floats(source, offset, target);
        if (target.dtype() == DType.F32) {
            device.upload(values, target);
            return;
        }
        long mark = device.scratch().mark();
        Tensor wide = device.scratch().take(target.size());
        device.upload(values, wide);
        device.convert(wide, target);
        device.scratch().release(mark);
    }

    void upload(int[] source, Tensor target) {
        device.upload(MemorySegment.ofArray(source), target);
        device.ints().put(target, source);
    }

    void upload(MemorySegment source, Tensor target) {
        device.upload(source, target);
        forget(target);
    }

    void download(Tensor source, float[] target, int offset) {
        MemorySegment values = floats(target, offset, source);
        if (source.dtype() == DType.F32) {
            device.download(source, values);
            return;
        }
        long mark = device.scratch().mark();
        Tensor wide = device.scratch().take(source.size());
        device.convert(source, wide);
        device.download(wide, values);
        device.scratch().release(mark);
    }

    void copy(Tensor source, Tensor target) {
        device.copy(source, target);
        forget(target);
    }

    void zero(Tensor target) {
        device.zero(target);
        forget(target);
    }

    private void forget(Tensor target) {
        if (target.dtype() == DType.I32) {
            device.ints().forget(target);
        }
    }

    /** As many numbers as the tensor has, from the offset on. */
    private static MemorySegment floats(float[] values, int offset, Tensor tensor) {
        return MemorySegment.ofArray(values)
                .asSlice((long) offset * Float.BYTES, tensor.size() * ValueLayout.JAVA_FLOAT.byteSize());
    }
}
