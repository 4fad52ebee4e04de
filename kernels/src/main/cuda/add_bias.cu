#include "device.cuh"

// x[n, c] += bias[c]; x [rows, columns], a block for each row at a time.
extern "C" __global__ void addBias(Reals x, const float* bias, int rows, int columns) {
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals row = x.from(static_cast<int64>(n) * columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            row.set(c, row.get(c) + bias[c]);
        }
    }
}
LAUNCHABLE(addBias)
