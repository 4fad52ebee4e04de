#include "device.cuh"

// out[r] = sqrt(sum over c of x[r, c]^2), in double; x [rows, columns]. A block for each row at a time.
extern "C" __global__ void rowNorms(Reals x, int rows, int columns, float* out) {
    __shared__ double warps[WARP];
    for (int r = blockIdx.x; r < rows; r += gridDim.x) {
        Reals row = x.from(static_cast<int64>(r) * columns);
        double squares = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            double v = row.get(c);
            squares = fma(v, v, squares);
        }
        squares = blockSum(squares, warps);
        if (threadIdx.x == 0) {
            out[r] = static_cast<float>(sqrt(squares));
        }
    }
}
LAUNCHABLE(rowNorms)
