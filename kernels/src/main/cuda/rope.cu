#include "device.cuh"

// Turns the first 2 half elements of each head of x [rows, heads width] in place, pairs (i, i + half) by the angle of the row's position:
// cos, sin [P, half], positions [rows]. sign is 1, or -1 for the transposed matrix: the matrix of a pair is [[c, -s], [s, c]], and its
// transpose, by which gradients go, has the sine negated.
extern "C" __global__ void rope(
    Reals x, int rows, int heads, int width, const int* positions, const float* cosines, const float* sines, int half, float sign) {
    for (int n = blockIdx.x; n < rows; n += gridDim.x) {
        Reals row = x.from(static_cast<int64>(n) * heads * width);
        int64 angle = static_cast<int64>(positions[n]) * half;
        for (int pair = threadIdx.x; pair < heads * half; pair += blockDim.x) {
            int i = pair % half;
            int at = pair / half * width + i;
            float c = cosines[angle + i], s = sines[angle + i] * sign;
            float first = row.get(at), second = row.get(at + half);
            row.set(at, first * c - second * s);
            row.set(at + half, second * c + first * s);
        }
    }
}
LAUNCHABLE(rope)
