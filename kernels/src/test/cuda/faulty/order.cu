#include "device.cuh"

// Kernels whose results depend on who comes first, each for blocks of 64 threads; with `waits` they do not.

// out[i] = in[the thread opposite], by way of shared memory
extern "C" __global__ void turned(const float* in, int waits, float* out) {
    __shared__ float values[64];
    values[threadIdx.x] = in[threadIdx.x];
    if (waits) {
        __syncthreads();
    }
    out[threadIdx.x] = values[63 - threadIdx.x];
}
LAUNCHABLE(turned)

// The same within each warp, and with what was there before: what a warp's lanes write must not be read before all have written.
extern "C" __global__ void turnedInWarp(int waits, float* values) {
    int warp = threadIdx.x / WARP * WARP, opposite = warp + WARP - 1 - threadIdx.x % WARP;
    float other = values[opposite];
    if (waits) {
        __syncwarp();
    }
    values[threadIdx.x] = other;
}
LAUNCHABLE(turnedInWarp)

// Two sums one after the other in the same places.
extern "C" __global__ void twoSums(const float* in, int waits, float* out) {
    __shared__ float warps[2];
    float total = 0;
    for (int i = 0; i < 2; i++) {
        float sum = warpSum(in[64 * i + threadIdx.x]);
        if (waits) {
            __syncthreads();
        }
        warps[threadIdx.x / WARP] = sum;
        __syncthreads();
        total += warps[0] * (i + 1) + warps[1];
    }
    out[threadIdx.x] = total;
}
LAUNCHABLE(twoSums)

extern "C" __global__ void copied(const float* in, int waits, float* out) {
    __shared__ __align__(16) float values[256];
    copyAsync(values + 4 * threadIdx.x, in + 4 * threadIdx.x, 16);
    endCopies();
    if (waits) {
        awaitCopies<0>();
    }
    __syncthreads();
    out[threadIdx.x] = values[4 * threadIdx.x];
}
LAUNCHABLE(copied)

// The last block to come has its number in out[0].
extern "C" __global__ void lastBlock(float* out) {
    if (threadIdx.x == 0) {
        out[0] = blockIdx.x;
    }
}
LAUNCHABLE(lastBlock)

// A sum over blocks that each read what others write.
extern "C" __global__ void sumOfBlocks(float* out) {
    if (threadIdx.x == 0) {
        out[0] = out[0] * 2 + blockIdx.x;
    }
}
LAUNCHABLE(sumOfBlocks)
