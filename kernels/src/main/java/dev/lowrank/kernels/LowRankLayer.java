package dev.lowrank.kernels;

/**
 * A frozen linear layer with a low-rank update: {@code y = x W^T + scale * (x A^T) B^T}.
 *
 * @param weight W [out, in], or [in, out] if transposed
 * @param a F32 [r, in]
 * @param b F32 [out, r]
 */
public record LowRankLayer(FrozenMatrix weight, boolean transposed, Tensor a, Tensor b, float scale) {
    public int inputs() {
        return transposed ? weight.rows() : weight.columns();
    }

    public int outputs() {
        return transposed ? weight.columns() : weight.rows();
    }

    public int rank() {
        return a.rows();
    }
}
