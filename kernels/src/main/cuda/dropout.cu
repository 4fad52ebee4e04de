#include "counter_bits.cuh"
#include "elementwise.cuh"

// out[i] (+)= kept ? x[i] factor : 0, kept if the upper 24 of the element's bits are at least the threshold. The mask does not depend on
// x, so the backward pass is the same on the gradient.
extern "C" __global__ void dropout(Reals x, unsigned threshold, float factor, int64 key, int accumulate, Reals out, int64 n) {
    auto kept = [=](float v, int64 i) { return counterBits(key, i) >> 8 < threshold ? 0 : v * factor; };
    if (accumulate) {
        forEach<2, 1>({x, out}, {out}, n, [=](const float (&v)[2], float (&y)[1], int64 i) { y[0] = v[1] + kept(v[0], i); });
    } else {
        forEach<1, 1>({x}, {out}, n, [=](const float (&v)[1], float (&y)[1], int64 i) { y[0] = kept(v[0], i); });
    }
}
LAUNCHABLE(dropout)
