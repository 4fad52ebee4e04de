#include "device.cuh"

// One update of p [n], all F32: with m += (1 - beta1) (g - m) and v += (1 - beta2) (g^2 - v), p -= p lr decay, then
// p -= step m / (sqrt(v) root + epsilon). Both averages are a small correction to the old value, which rounds once.
extern "C" __global__ void adamW(
    float* p, const float* gradient, float* m, float* v, float decay, float blend1, float blend2, float root, float epsilon, float step,
    int64 n) {
    for (int64 i = gridThread(); i < n; i += gridThreads()) {
        float g = gradient[i];
        float first = fmaf(g - m[i], blend1, m[i]);
        float second = fmaf(g * g - v[i], blend2, v[i]);
        float denominator = fmaf(sqrtf(second), root, epsilon);
        float value = fmaf(p[i], -decay, p[i]);
        m[i] = first;
        v[i] = second;
        p[i] = fmaf(first / denominator, -step, value);
    }
}
LAUNCHABLE(adamW)
