package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Numbers made from whole tensors, or from their rows. */
final class Reductions {
    private final Device device;

    Reductions(Device device) {
        this.device = device;
    }

    void rowNorms(Tensor x, Tensor out) {
        device.launch("rowNorms")
                .with(x)
                .with(x.rows())
                .with(x.columns())
                .at(out)
                .overRows(x.rows(), x.columns());
    }

    /** Each block of the grid, which is the same for a size always, has its part; the parts are added up here, in order. */
    double sumOfSquares(Tensor x) {
        Launch launch = device.launch("sumOfSquares");
        double[] parts = new double[launch.blocks(x.size())];
        long mark = device.scratch().mark();
        Tensor memory = device.scratch().take(DType.U8, (long) parts.length * Double.BYTES);
        launch.with(x).with(x.size()).at(memory).overElements(x.size());
        device.download(memory, MemorySegment.ofArray(parts));
        device.scratch().release(mark);
        double sum = 0;
        for (double part : parts) {
            sum += part;
        }
        return sum;
    }

    boolean allFinite(Tensor x) {
        long mark = device.scratch().mark();
        Tensor bad = device.scratch().take(DType.I32, 1);
        device.zero(bad);
        device.launch("allFinite").with(x).with(x.size()).at(bad).overElements(x.size());
        int[] found = new int[1];
        device.download(bad, MemorySegment.ofArray(found));
        device.scratch().release(mark);
        return found[0] == 0;
    }
}
