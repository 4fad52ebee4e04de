#include "device.cuh"

// delta = rowsum(dOut out) for each of so many heads of `width` elements, one after another; a warp takes one. See attention_half_backward.cu.
extern "C" __global__ void attentionDelta(Reals dOut, Reals out, float* delta, int64 heads, int width) {
    for (int64 head = gridThread() / WARP; head < heads; head += gridThreads() / WARP) {
        float sum = 0;
        for (int i = threadIdx.x % WARP; i < width; i += WARP) {
            sum = fmaf(dOut.get(head * width + i), out.get(head * width + i), sum);
        }
        sum = warpSum(sum);
        if (threadIdx.x % WARP == 0) {
            delta[head] = sum;
        }
    }
}
LAUNCHABLE(attentionDelta)
