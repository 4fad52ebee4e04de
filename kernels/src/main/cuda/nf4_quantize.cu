#include "device.cuh"

// Weights to codes of 4 bits: an element becomes the nearest code of x / absmax, 15 less the middles between neighbouring codes that it does
// not exceed, so that a tie goes to the lower code and NaN to the highest. Whole blocks are multiplied by the exact reciprocal of their
// largest magnitude, a shorter last one is divided by it, as bitsandbytes does on a processor; a lone last element has the code of zero
// beside it. source [n], packed [ceil(n / 2)], absmax [ceil(n / block)]. A warp for each block.
INLINE int nearestCode(float x) {
    const float middles[15] = {-0.8480963706970215f, -0.6106328964233398f, -0.4599952697753906f, -0.33967941999435425f, -0.23460739850997925f,
        -0.13791173696517944f, -0.045525018125772476f, 0.03979014977812767f, 0.120255246758461f, 0.2035212516784668f,
        0.2920137643814087f, 0.3893125355243683f, 0.5016634464263916f, 0.6427869200706482f, 0.8614784479141235f};
    int code = 15;
#pragma unroll
    for (int i = 0; i < 15; i++) {
        code -= x <= middles[i] ? 1 : 0;
    }
    return code;
}

extern "C" __global__ void quantizeNf4(const float* source, unsigned char* packed, float* absmax, int block, int64 n) {
    const float SMALLEST = 1e-38f;
    const int ZERO = 7;
    int lane = threadIdx.x % WARP;
    int64 blocks = (n + block - 1) / block;
    for (int64 b = gridThread() / WARP; b < blocks; b += gridThreads() / WARP) {
        int64 at = b * block;
        int count = static_cast<int>(min(static_cast<int64>(block), n - at));
        bool whole = count == block;
        float largest = 0;
        bool notANumber = false;
        for (int i = lane; i < count; i += WARP) {
            float x = fabsf(source[at + i]);
            notANumber = notANumber || x != x;
            largest = fmaxf(largest, x);
        }
        largest = warpMax(largest);
        if (warpSum(notANumber ? 1 : 0) > 0) {
            largest = NAN;
        }
        float scale = whole ? largest : largest < SMALLEST ? SMALLEST : largest;
        float inverse = 1 / (largest < SMALLEST ? SMALLEST : largest);
        for (int j = lane; 2 * j < count; j += WARP) {
            float first = source[at + 2 * j];
            int high = nearestCode(whole ? first * inverse : first / scale);
            int low = ZERO;
            if (2 * j + 1 < count) {
                float second = source[at + 2 * j + 1];
                low = nearestCode(whole ? second * inverse : second / scale);
            }
            packed[at / 2 + j] = static_cast<unsigned char>(high << 4 | low);
        }
        if (lane == 0) {
            absmax[b] = scale;
        }
    }
}
LAUNCHABLE(quantizeNf4)
