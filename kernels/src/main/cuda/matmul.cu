#include "device.cuh"

// c = alpha op(a) op(b) + beta c in fp32; c [m, n], the inner extent k. Element (i, l) of op(a) lies at a[i aRow + l aColumn], and (l, j) of
// op(b) at b[l bRow + j bColumn], so that a transpose is a matter of two strides. With beta == 0 the old c is not read.
//
// A block of 256 threads makes a tile of 64 x 64, each thread 4 x 4 of it, sixteen terms at a time out of shared memory. What lies outside
// the matrices counts as zero. Every sum goes from the first term to the last.
const int TILE = 64;
const int TERMS = 16;
const int EACH = 4;

extern "C" __global__ void __launch_bounds__(256) matmul(
    Reals a, int64 aRow, int64 aColumn, Reals b, int64 bRow, int64 bColumn, float alpha, float beta, Reals c, int m, int n, int k) {
    __shared__ float left[TERMS][TILE + 4];
    __shared__ float right[TERMS][TILE + 4];
    int firstRow = blockIdx.y * TILE, firstColumn = blockIdx.x * TILE;
    int across = threadIdx.x % 16 * EACH, down = threadIdx.x / 16 * EACH;
    float sum[EACH][EACH] = {};
    for (int from = 0; from < k; from += TERMS) {
        for (int i = threadIdx.x; i < TILE * TERMS; i += blockDim.x) {
            // Neighbouring threads read what lies beside each other.
            int term = aColumn == 1 ? i % TERMS : i / TILE;
            int row = aColumn == 1 ? i / TERMS : i % TILE;
            bool inside = firstRow + row < m && from + term < k;
            left[term][row] = inside ? a.get((firstRow + row) * aRow + (from + term) * aColumn) : 0;
        }
        for (int i = threadIdx.x; i < TILE * TERMS; i += blockDim.x) {
            int term = bRow == 1 ? i % TERMS : i / TILE;
            int column = bRow == 1 ? i / TERMS : i % TILE;
            bool inside = firstColumn + column < n && from + term < k;
            right[term][column] = inside ? b.get((from + term) * bRow + (firstColumn + column) * bColumn) : 0;
        }
        __syncthreads();
#pragma unroll
        for (int term = 0; term < TERMS; term++) {
            float x[EACH], y[EACH];
#pragma unroll
            for (int e = 0; e < EACH; e++) {
                x[e] = left[term][down + e];
                y[e] = right[term][across + e];
            }
#pragma unroll
            for (int i = 0; i < EACH; i++) {
#pragma unroll
                for (int j = 0; j < EACH; j++) {
                    sum[i][j] = fmaf(x[i], y[j], sum[i][j]);
                }
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < EACH; i++) {
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            int row = firstRow + down + i, column = firstColumn + across + j;
            if (row < m && column < n) {
                int64 at = static_cast<int64>(row) * n + column;
                float product = alpha * sum[i][j];
                c.set(at, beta == 0 ? product : fmaf(beta, c.get(at), product));
            }
        }
    }
}
LAUNCHABLE(matmul)
