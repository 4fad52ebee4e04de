#include "curves.cuh"
#include "elementwise.cuh"

// out[i] = f(x[i]).
extern "C" __global__ void activation(int kind, Reals x, Reals out, int64 n) {
    forEach<1, 1>({x}, {out}, n, [=](const float (&v)[1], float (&y)[1], int64) { y[0] = activated(kind, v[0]); });
}
LAUNCHABLE(activation)

// dX[i] = dOut[i] f'(x[i]).
extern "C" __global__ void activationBackward(int kind, Reals dOut, Reals x, Reals dX, int64 n) {
    forEach<2, 1>({dOut, x}, {dX}, n, [=](const float (&v)[2], float (&d)[1], int64) { d[0] = v[0] * slope(kind, v[1]); });
}
LAUNCHABLE(activationBackward)
