#include "device.cuh"

// y = x rstd (offset + weight), rstd = 1 / sqrt(mean(x^2) + epsilon); x, y [rows, columns], weight [columns], rstd [rows]. A block for
// each row at a time.
extern "C" __global__ void rmsNorm(
    Reals x, const float* weight, float offset, float epsilon, Reals y, float* rstd, int rows, int columns) {
    __shared__ float warps[WARP];
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals from = x.from(static_cast<int64>(n) * columns);
        Reals to = y.from(static_cast<int64>(n) * columns);
        float squares = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            float v = from.get(c);
            squares = fmaf(v, v, squares);
        }
        squares = blockSum(squares, warps);
        float r = 1 / sqrtf(squares / columns + epsilon);
        if (threadIdx.x == 0) {
            rstd[n] = r;
        }
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, from.get(c) * r * (offset + weight[c]));
        }
    }
}
LAUNCHABLE(rmsNorm)

// dx += rstd (m - x rstd^2 mean(m x)), m = dy (offset + weight).
//
// With w = offset + weight, y_c = x_c r w_c and r = (mean(x^2) + epsilon)^(-1/2), so dr/dx_c = -r^3 x_c / C, and
// dL/dx_c = m_c r + (sum over j of m_j x_j) dr/dx_c = r (m_c - x_c r^2 mean(m x)).
extern "C" __global__ void rmsNormBackward(
    Reals dy, Reals x, const float* weight, float offset, const float* rstd, Reals dx, int rows, int columns) {
    __shared__ float warps[WARP];
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        int64 at = static_cast<int64>(n) * columns;
        Reals g = dy.from(at), in = x.from(at), out = dx.from(at);
        float product = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            product = fmaf(g.get(c) * (offset + weight[c]), in.get(c), product);
        }
        product = blockSum(product, warps);
        float r = rstd[n];
        float back = r * r * (product / columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            float m = g.get(c) * (offset + weight[c]);
            out.set(c, fmaf(r, m - in.get(c) * back, out.get(c)));
        }
    }
}
LAUNCHABLE(rmsNormBackward)

// dWeight[c] += sum over n of dy[n, c] x[n, c] rstd[n], rows added in order of n. A thread for each column.
extern "C" __global__ void rmsNormWeight(Reals dy, Reals x, const float* rstd, int rows, int columns, float* dWeight) {
    int c = static_cast<int>(gridThread());
    if (c < columns) {
        float total = dWeight[c];
        for (int n = 0; n < rows; n++) {
            int64 i = static_cast<int64>(n) * columns + c;
            total = fmaf(dy.get(i), x.get(i) * rstd[n], total);
        }
        dWeight[c] = total;
    }
}
LAUNCHABLE(rmsNormWeight)
