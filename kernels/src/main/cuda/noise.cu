#include "counter_bits.cuh"
#include "elementwise.cuh"

// x[i] += bound (2 u - 1), u the upper 24 of the element's bits over 2^24; 2 u - 1 is exact, and the rest is rounded once.
extern "C" __global__ void addUniformNoise(Reals x, float bound, int64 key, int64 n) {
    forEach<1, 1>({x}, {x}, n, [=](const float (&v)[1], float (&y)[1], int64 i) {
        float u = static_cast<float>(counterBits(key, i) >> 8) * 1.1920928955078125e-7f - 1;
        y[0] = fmaf(u, bound, v[0]);
    });
}
LAUNCHABLE(addUniformNoise)
