#include "device.cuh"

// out[n, c] (+)= x[n, c] factor[c]; x, out [rows, columns]. With x = dy and accumulate it is the gradient of x.
extern "C" __global__ void scaleColumns(Reals x, const float* factor, int accumulate, Reals out, int rows, int columns) {
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals from = x.from(static_cast<int64>(n) * columns);
        Reals to = out.from(static_cast<int64>(n) * columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, accumulate ? fmaf(from.get(c), factor[c], to.get(c)) : from.get(c) * factor[c]);
        }
    }
}
LAUNCHABLE(scaleColumns)

// dFactor[c] += sum over n of dy[n, c] x[n, c], rows added in order of n. A thread for each column.
//
// y[n, c] = x[n, c] factor[c] has the factor in every row, each time with the slope x[n, c].
extern "C" __global__ void scaleColumnsFactor(Reals dy, Reals x, int rows, int columns, float* dFactor) {
    int c = static_cast<int>(gridThread());
    if (c < columns) {
        float total = dFactor[c];
        for (int n = 0; n < rows; n++) {
            int64 i = static_cast<int64>(n) * columns + c;
            total = fmaf(dy.get(i), x.get(i), total);
        }
        dFactor[c] = total;
    }
}
LAUNCHABLE(scaleColumnsFactor)
