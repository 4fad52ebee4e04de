#include "elementwise.cuh"

// x[i] *= factor.
extern "C" __global__ void scale(Reals x, float factor, int64 n) {
    forEach<1, 1>({x}, {x}, n, [=](const float (&v)[1], float (&out)[1], int64) { out[0] = v[0] * factor; });
}
LAUNCHABLE(scale)
