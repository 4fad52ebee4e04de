package dev.lowrank.engine.format;

/**
 * The two factors of one adapted module. The arrays are not copied.
 *
 * @param module path of the module in the base model, such as {@code model.layers.0.self_attn.q_proj}
 * @param in inputs of the module
 * @param out outputs of the module
 * @param a [rank, in], row-major
 * @param b [out, rank], row-major
 */
@SuppressWarnings("ArrayRecordComponent") // A carrier for large buffers; nobody compares two of them.
public record AdapterWeights(String module, int rank, int in, int out, float[] a, float[] b) {
    public AdapterWeights {
        if (rank < 1 || in < 1 || out < 1 || a.length != (long) rank * in || b.length != (long) out * rank) {
            throw new IllegalArgumentException("%s: rank %d, in %d, out %d do not fit %d and %d values"
                    .formatted(module, rank, in, out, a.length, b.length));
        }
    }
}
