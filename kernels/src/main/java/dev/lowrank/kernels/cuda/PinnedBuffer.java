package dev.lowrank.kernels.cuda;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * Copies between the host and a GPU by way of memory that the GPU reads by itself, in two halves: while one is on its way, the
 * other is filled, and small uploads do not wait for anything.
 */
final class PinnedBuffer implements AutoCloseable {
    private static final long HALF = 4 << 20;
    private static final long ALIGNMENT = 64;

    /** What is done with the code that the driver answers with. */
    interface Check {
        void code(int code, String what);
    }

    private final CUstream stream;
    private final Check check;
    private final Pointer start = new Pointer();
    private final MemorySegment memory;
    private final CUevent[] read = {new CUevent(), new CUevent()}; // the GPU has read this half
    private int half;
    private long used;

    PinnedBuffer(CUstream stream, Check check) {
        this.stream = stream;
        this.check = check;
        check.code(JCudaDriver.cuMemHostAlloc(start, 2 * HALF, 0), "memory of the host");
        memory = MemorySegment.ofBuffer(start.getByteBuffer(0, 2 * HALF));
        for (CUevent event : read) {
            check.code(JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING), "an event");
        }
    }

    void upload(MemorySegment source, long target) {
        for (long done = 0; done < source.byteSize(); ) {
            if (used == HALF) {
                turn();
            }
            long bytes = Math.min(source.byteSize() - done, HALF - used);
            long at = half * HALF + used;
            MemorySegment.copy(source, done, memory, at, bytes);
            int code = JCudaDriver.cuMemcpyHtoDAsync(
                    JcudaDriver.at(target + done), start.withByteOffset(at), bytes, stream);
            check.code(code, "an upload");
            used = Math.min(HALF, (used + bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
            done += bytes;
        }
    }

    /** Goes to the other half, once the GPU has read it. */
    private void turn() {
        check.code(JCudaDriver.cuEventRecord(read[half], stream), "an event");
        half ^= 1;
        check.code(JCudaDriver.cuEventSynchronize(read[half]), "an upload");
        used = 0;
    }

    /** Waits for everything before, so both halves are free. */
    void download(long source, MemorySegment target) {
        for (long done = 0; done < target.byteSize(); ) {
            long bytes = Math.min(target.byteSize() - done, 2 * HALF);
            wait("a launch before a download");
            int code = JCudaDriver.cuMemcpyDtoHAsync(start, JcudaDriver.at(source + done), bytes, stream);
            check.code(code, "a download");
            wait("a download");
            MemorySegment.copy(memory, 0, target, done, bytes);
            done += bytes;
        }
        used = 0;
    }

    private void wait(String what) {
        check.code(JCudaDriver.cuStreamSynchronize(stream), what);
    }

    @Override
    public void close() {
        JCudaDriver.cuStreamSynchronize(stream);
        for (CUevent event : read) {
            JCudaDriver.cuEventDestroy(event);
        }
        JCudaDriver.cuMemFreeHost(start);
    }
}
