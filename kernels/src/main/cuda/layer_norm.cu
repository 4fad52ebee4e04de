#include "device.cuh"

// y = (x - mean) rstd weight + bias, rstd = 1 / sqrt(mean((x - mean)^2) + epsilon); x, y [rows, columns], weight, bias [columns],
// mean, rstd [rows]. A block for each row at a time.
extern "C" __global__ void layerNorm(
    Reals x, const float* weight, const float* bias, float epsilon, Reals y, float* mean, float* rstd, int rows, int columns) {
    __shared__ float warps[WARP];
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals from = x.from(static_cast<int64>(n) * columns);
        Reals to = y.from(static_cast<int64>(n) * columns);
        float sum = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            sum += from.get(c);
        }
        float middle = blockSum(sum, warps) / columns;
        float squares = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            float v = from.get(c) - middle;
            squares = fmaf(v, v, squares);
        }
        float r = 1 / sqrtf(blockSum(squares, warps) / columns + epsilon);
        if (threadIdx.x == 0) {
            mean[n] = middle;
            rstd[n] = r;
        }
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, fmaf((from.get(c) - middle) * r, weight[c], bias[c]));
        }
    }
}
LAUNCHABLE(layerNorm)

// dx += rstd (m - mean(m) - h mean(m h)), m = dy weight, h = (x - mean) rstd.
//
// y = h weight + bias, so dL/dh = m. h does not change when a constant is added to x, nor, but for epsilon, when x - mean is stretched:
// what of m lies in these two directions, the row of ones and h itself, is taken out, and the rest is divided by the deviation.
extern "C" __global__ void layerNormBackward(
    Reals dy, Reals x, const float* weight, const float* mean, const float* rstd, Reals dx, int rows, int columns) {
    __shared__ float warps[WARP];
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        int64 at = static_cast<int64>(n) * columns;
        Reals g = dy.from(at), in = x.from(at), out = dx.from(at);
        float middle = mean[n], r = rstd[n];
        float sum = 0, product = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            float m = g.get(c) * weight[c];
            sum += m;
            product = fmaf(m, (in.get(c) - middle) * r, product);
        }
        sum = blockSum(sum, warps) / columns;
        product = blockSum(product, warps) / columns;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            float h = (in.get(c) - middle) * r;
            out.set(c, fmaf(r, g.get(c) * weight[c] - sum - h * product, out.get(c)));
        }
    }
}
LAUNCHABLE(layerNormBackward)

// dWeight[c] += sum over n of dy[n, c] h[n, c] and dBias[c] += sum over n of dy[n, c], rows added in order of n; either may be null. A
// thread for each column.
extern "C" __global__ void layerNormWeight(
    Reals dy, Reals x, const float* mean, const float* rstd, int rows, int columns, float* dWeight, float* dBias) {
    int c = static_cast<int>(gridThread());
    if (c >= columns) {
        return;
    }
    float weight = dWeight == nullptr ? 0 : dWeight[c];
    float bias = dBias == nullptr ? 0 : dBias[c];
    for (int n = 0; n < rows; n++) {
        int64 i = static_cast<int64>(n) * columns + c;
        float d = dy.get(i);
        weight = fmaf(d, (x.get(i) - mean[n]) * rstd[n], weight);
        bias += d;
    }
    if (dWeight != nullptr) {
        dWeight[c] = weight;
    }
    if (dBias != nullptr) {
        dBias[c] = bias;
    }
}
LAUNCHABLE(layerNormWeight)
