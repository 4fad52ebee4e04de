package dev.lowrank.engine.model;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.List;

/**
 * Sequences standing one after another without padding, on the device. What padding a row to the right would compute,
 * this computes without the padding.
 *
 * @param ids I32 [N]
 * @param positions I32 [N], from 0 in each sequence (or from the cache's length while generating)
 */
public record TokenBatch(Tensor ids, Tensor positions, Sequences sequences) {
    /** Rows of a micro-batch, each starting at position 0. */
    public static TokenBatch of(List<int[]> rows, Kernels kernels, Workspace workspace) {
        int[] starts = new int[rows.size() + 1];
        for (int s = 0; s < rows.size(); s++) {
            starts[s + 1] = Math.addExact(starts[s], rows.get(s).length);
        }
        int[] ids = new int[starts[rows.size()]];
        int[] positions = new int[ids.length];
        for (int s = 0; s < rows.size(); s++) {
            System.arraycopy(rows.get(s), 0, ids, starts[s], rows.get(s).length);
            for (int i = starts[s]; i < starts[s + 1]; i++) {
                positions[i] = i - starts[s];
            }
        }
        return new TokenBatch(
                upload(ids, kernels, workspace), upload(positions, kernels, workspace), Sequences.ofStarts(starts));
    }

    /** The next tokens of one sequence of which {@code past} tokens are in a key-value cache. */
    static TokenBatch continuing(int[] ids, int past, Kernels kernels, Workspace workspace) {
        int[] positions = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            positions[i] = past + i;
        }
        Sequences sequences = new Sequences(new int[] {0, ids.length}, new int[] {0, past + ids.length});
        return new TokenBatch(upload(ids, kernels, workspace), upload(positions, kernels, workspace), sequences);
    }

    private static Tensor upload(int[] values, Kernels kernels, Workspace workspace) {
        Tensor tensor = workspace.take(DType.I32, values.length);
        kernels.upload(values, tensor);
        return tensor;
    }
}
