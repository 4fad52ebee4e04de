#include "device.cuh"

// target[n, targetColumn + c] = source[n, sourceColumn + c] for c < columns; source [rows, sourceWidth], target [rows, targetWidth].
extern "C" __global__ void copyColumns(
    Reals source, int sourceWidth, int sourceColumn, Reals target, int targetWidth, int targetColumn, int columns, int rows) {
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals from = source.from(static_cast<int64>(n) * sourceWidth + sourceColumn);
        Reals to = target.from(static_cast<int64>(n) * targetWidth + targetColumn);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, from.get(c));
        }
    }
}
LAUNCHABLE(copyColumns)
