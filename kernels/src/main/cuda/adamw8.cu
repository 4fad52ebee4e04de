#include "device.cuh"

// 256 rising numbers, and how to find the nearest one to x: start[the upper half of x's bits] is its code or the one below, and code c is
// left for c + 1 by whatever is greater than bounds[c]. See DynamicMap.
struct DynamicMap {
    const float* values;          // [256]
    const float* bounds;          // [256]
    const unsigned char* start;   // [65536]

    INLINE int code(float x) const {
        int c = start[floatAsWord(x) >> 16];
        return x > bounds[c] ? c + 1 : c;
    }
};

INLINE float blockMax(float value, float* warps) {
    value = warpMax(value);
    __syncthreads();
    if (threadIdx.x % WARP == 0) {
        warps[threadIdx.x / WARP] = value;
    }
    __syncthreads();
    for (int w = 0; w < static_cast<int>(blockDim.x) / WARP; w++) {
        value = fmaxf(value, warps[w]);
    }
    return value;
}

INLINE bool isNegative(float x) { return floatAsWord(x) >> 31 != 0; }

// One update with a byte for each average, in the order of bitsandbytes' kernel. In each block of 256 elements, one for each thread, the
// averages are read back, m = m beta1 + (1 - beta1) g and v = v beta2 + (1 - beta2) g^2, the parameter moves, p = (p - step m / (sqrt(v) +
// epsilon)) keep, and both averages are coded again by the block's new largest magnitude; a code of m whose sign is not m's moves one
// step towards m. Where a gradient is no finite number p stays, and both averages become zero.
//
//   p, gradient [n]; m, v [n] codes; mScale, vScale [ceil(n / 256)]
extern "C" __global__ void adamW8(
    float* p, const float* gradient, unsigned char* m, float* mScale, unsigned char* v, float* vScale, DynamicMap ofM, DynamicMap ofV,
    float beta1, float beta2, float epsilon, float step, float keep, int64 n) {
    __shared__ float warps[WARP];
    const float LARGEST = 3.402823466e38f;
    const int ZERO_OF_M = 127;
    int64 blocks = (n + blockDim.x - 1) / blockDim.x;
    for (int64 b = blockIdx.x; b < blocks; b += gridDim.x) {
        int64 i = b * blockDim.x + threadIdx.x;
        bool inside = i < n;
        float first = 0, second = 0;
        if (inside) {
            float g = gradient[i];
            first = ofM.values[m[i]] * mScale[b];
            second = ofV.values[v[i]] * vScale[b];
            if (fabsf(g) <= LARGEST) {
                first = first * beta1 + (1 - beta1) * g;
                second = fminf(second * beta2 + (1 - beta2) * g * g, LARGEST);
                p[i] = (p[i] - step * (first / (sqrtf(second) + epsilon))) * keep;
            } else {
                first = 0;
                second = 0;
            }
        }
        float largestM = blockMax(fabsf(first), warps);
        float largestV = blockMax(fabsf(second), warps);
        if (inside) {
            int code = ZERO_OF_M;
            if (largestM != 0) {
                code = ofM.code(first / largestM);
                if (isNegative(ofM.values[code]) != isNegative(first)) {
                    code += first > 0 ? 1 : -1;
                }
            }
            m[i] = static_cast<unsigned char>(code);
            v[i] = static_cast<unsigned char>(largestV == 0 ? 0 : ofV.code(second / largestV));
        }
        if (threadIdx.x == 0) {
            mScale[b] = largestM;
            vScale[b] = largestV;
        }
    }
}
LAUNCHABLE(adamW8)
