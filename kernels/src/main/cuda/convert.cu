#include "elementwise.cuh"

// target[i] = source[i], rounded where the target holds less.
extern "C" __global__ void convert(Reals source, Reals target, int64 n) {
    forEach<1, 1>({source}, {target}, n, [=](const float (&v)[1], float (&out)[1], int64) { out[0] = v[0]; });
}
LAUNCHABLE(convert)
