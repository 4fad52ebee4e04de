#include "device.cuh"

// Kernels whose threads wait for others that do not come. Each is for one block of 64 threads.

extern "C" __global__ void barrierOfSome(float* out) {
    if (threadIdx.x < 40) {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}
LAUNCHABLE(barrierOfSome)

extern "C" __global__ void barrierOfOneWarp(float* out) {
    if (threadIdx.x < WARP) {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}
LAUNCHABLE(barrierOfOneWarp)

extern "C" __global__ void twoBarriers(float* out) {
    if (threadIdx.x < WARP) {
        __syncthreads();
        out[threadIdx.x] = 1;
    } else {
        __syncthreads();
        out[threadIdx.x] = 2;
    }
}
LAUNCHABLE(twoBarriers)

extern "C" __global__ void twoOperations(float* out) {
    float value = threadIdx.x;
    if (threadIdx.x % 2 == 0) {
        value = __shfl_xor_sync(WHOLE_WARP, value, 2);
    } else {
        value = __shfl_down_sync(WHOLE_WARP, value, 2);
    }
    out[threadIdx.x] = value;
}
LAUNCHABLE(twoOperations)

extern "C" __global__ void sumOfSome(float* out) {
    float value = threadIdx.x;
    if (threadIdx.x != 45) {
        value = warpSum(value);
    }
    out[threadIdx.x] = value;
}
LAUNCHABLE(sumOfSome)

extern "C" __global__ void halfAWarp(float* out) { out[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.0f, 1); }
LAUNCHABLE(halfAWarp)

// One half waits at the barrier, the other for what only the first half does after it.
extern "C" __global__ void deadlock(float* out) {
    volatile float* flag = out;
    if (threadIdx.x < WARP) {
        __syncthreads();
        flag[0] = 1;
    } else {
        while (flag[0] != 1) {
        }
        __syncthreads();
    }
}
LAUNCHABLE(deadlock)
