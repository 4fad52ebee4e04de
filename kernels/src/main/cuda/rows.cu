#include "device.cuh"

// out[i] = source[rows[i]]; rows [count], source [N, columns], out [count, columns].
extern "C" __global__ void gatherRows(Reals source, const int* rows, Reals out, int count, int columns) {
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        Reals from = source.from(static_cast<int64>(rows[i]) * columns);
        Reals to = out.from(static_cast<int64>(i) * columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, from.get(c));
        }
    }
}
LAUNCHABLE(gatherRows)

// out[rows[i]] = source[i]; source [count, columns], out [N, columns]; no row stands twice in rows [count].
extern "C" __global__ void scatterRows(Reals source, const int* rows, Reals out, int count, int columns) {
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        Reals from = source.from(static_cast<int64>(i) * columns);
        Reals to = out.from(static_cast<int64>(rows[i]) * columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, from.get(c));
        }
    }
}
LAUNCHABLE(scatterRows)

// out[rows[i]] = 0; rows [count], out [N, columns].
extern "C" __global__ void zeroRows(const int* rows, Reals out, int count, int columns) {
    for (int i = blockIdx.x; i < count; i += gridDim.x) {
        Reals to = out.from(static_cast<int64>(rows[i]) * columns);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) {
            to.set(c, 0);
        }
    }
}
LAUNCHABLE(zeroRows)
