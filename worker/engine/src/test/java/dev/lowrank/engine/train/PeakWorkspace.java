package dev.lowrank.engine.train;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;

/** Remembers how high a workspace has grown. */
final class PeakWorkspace implements Workspace {
    private final Workspace memory;
    private long peak;

    PeakWorkspace(Workspace memory) {
        this.memory = memory;
    }

    long peak() {
        return peak;
    }

    @Override
    public Tensor take(DType dtype, long... shape) {
        Tensor tensor = memory.take(dtype, shape);
        peak = Math.max(peak, memory.mark());
        return tensor;
    }

    @Override
    public long mark() {
        return memory.mark();
    }

    @Override
    public void release(long mark) {
        memory.release(mark);
    }

    @Override
    public long reservedBytes() {
        return memory.reservedBytes();
    }

    @Override
    public void close() {
        memory.close();
    }
}
