#include "device.cuh"

// parts[b] = what block b has of the sum of squares of x [n], in double. The grid is the same for a size, so the sum is, too.
extern "C" __global__ void sumOfSquares(Reals x, int64 n, double* parts) {
    __shared__ double warps[WARP];
    double squares = 0;
    for (int64 i = gridThread(); i < n; i += gridThreads()) {
        double v = x.get(i);
        squares = fma(v, v, squares);
    }
    squares = blockSum(squares, warps);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = squares;
    }
}
LAUNCHABLE(sumOfSquares)
