#include "curves.cuh"
#include "elementwise.cuh"

// out[i] = f(gate[i]) up[i].
extern "C" __global__ void gated(int kind, Reals gate, Reals up, Reals out, int64 n) {
    forEach<2, 1>({gate, up}, {out}, n, [=](const float (&v)[2], float (&y)[1], int64) { y[0] = activated(kind, v[0]) * v[1]; });
}
LAUNCHABLE(gated)

// out = f(gate) up is a product of two factors, so each one's gradient is dOut times the other factor:
// dUp[i] = dOut[i] f(gate[i]) and dGate[i] = dOut[i] up[i] f'(gate[i]).
extern "C" __global__ void gatedBackward(int kind, Reals dOut, Reals gate, Reals up, Reals dGate, Reals dUp, int64 n) {
    forEach<3, 2>({dOut, gate, up}, {dGate, dUp}, n, [=](const float (&v)[3], float (&d)[2], int64) {
        d[0] = v[0] * v[2] * slope(kind, v[1]);
        d[1] = v[0] * activated(kind, v[1]);
    });
}
LAUNCHABLE(gatedBackward)
