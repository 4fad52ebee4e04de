package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Where sequences begin, on the device. The last ones are kept, so that all layers of a step share one upload. */
final class UploadedSequences implements AutoCloseable {
    private final Device device;
    private final Workspace memory;
    private final long empty;
    private int[] queryStarts = {};
    private int[] keyStarts = {};
    private long queries;
    private long keys;

    UploadedSequences(Device device) {
        this.device = device;
        memory = device.workspace();
        empty = memory.mark();
    }

    /** Begins with these, if they are not there already. */
    void put(Sequences sequences) {
        if (Arrays.equals(sequences.queryStarts(), queryStarts) && Arrays.equals(sequences.keyStarts(), keyStarts)) {
            return;
        }
        queryStarts = sequences.queryStarts().clone();
        keyStarts = sequences.keyStarts().clone();
        memory.release(empty);
        queries = upload(queryStarts);
        keys = upload(keyStarts);
    }

    private long upload(int[] starts) {
        Tensor tensor = memory.take(DType.I32, starts.length);
        device.upload(MemorySegment.ofArray(starts), tensor);
        return tensor.data().address();
    }

    /** The address of the first query of each sequence. */
    long queryStarts() {
        return queries;
    }

    long keyStarts() {
        return keys;
    }

    @Override
    public void close() {
        memory.close();
    }
}
