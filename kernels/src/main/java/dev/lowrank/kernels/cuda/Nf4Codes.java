package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.codes.NestedScales;
import java.lang.foreign.MemorySegment;

/** Weights to and from 4 bits. Scales are quantized on the host, where the reference's bytes come from: there are few of them. */
final class Nf4Codes {
    private final Device device;

    Nf4Codes(Device device) {
        this.device = device;
    }

    void quantize(Tensor source, Nf4 target) {
        Nf4.Nested nested = target.nested();
        long mark = device.scratch().mark();
        Tensor absmax = target.absmax() == null ? device.scratch().take(target.blocks()) : target.absmax();
        device.launch("quantizeNf4")
                .at(source)
                .at(target.packed())
                .at(absmax)
                .with(target.blockSize())
                .with(target.size())
                .overElements(target.size());
        if (nested != null) {
            float[] scales = new float[Math.toIntExact(target.blocks())];
            device.download(absmax, MemorySegment.ofArray(scales));
            NestedScales quantized = NestedScales.of(scales, nested.block());
            device.upload(MemorySegment.ofArray(quantized.codes()), nested.codes());
            device.upload(MemorySegment.ofArray(quantized.scales()), nested.scale());
            device.upload(MemorySegment.ofArray(NestedScales.map()), nested.map());
            device.upload(MemorySegment.ofArray(new float[] {quantized.offset()}), nested.offset());
        }
        device.scratch().release(mark);
    }

    void dequantize(Nf4 source, Tensor out) {
        Nf4.Nested nested = source.nested();
        device.launch("dequantizeNf4")
                .at(source.packed())
                .at(source.absmax())
                .at(nested == null ? null : nested.codes())
                .at(nested == null ? null : nested.scale())
                .at(nested == null ? null : nested.map())
                .at(nested == null ? null : nested.offset())
                .with(source.blockSize())
                .with(nested == null ? 1 : nested.block())
                .with(out)
                .with(source.size())
                .overElements(source.size());
    }
}
