#include "elementwise.cuh"

// x[i] = cap tanh(x[i] / cap).
extern "C" __global__ void softCap(Reals x, float cap, int64 n) {
    forEach<1, 1>({x}, {x}, n, [=](const float (&v)[1], float (&out)[1], int64) { out[0] = cap * tanhf(v[0] / cap); });
}
LAUNCHABLE(softCap)
