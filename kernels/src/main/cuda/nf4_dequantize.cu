#include "device.cuh"

// What the sixteen codes stand for: see Nf4.codes().
INLINE float nf4Code(int code) {
    const float codes[16] = {-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f,
        0.5626170039176941f, 0.7229568362236023f, 1.0f};
    return codes[code];
}

// out[i] = code[i] absmax[i / block], for n elements, two of them in a byte, the first in its high half. A scale is absmax[b], or, where
// that is null, map[codes[b]] nested[b / nestedBlock] + offset[0], each operation rounded.
//
// A thread unpacks 16 bytes: 32 elements, which have one scale since blocks have 32 elements or more.
extern "C" __global__ void dequantizeNf4(
    const unsigned char* packed, const float* absmax, const unsigned char* codes, const float* nested, const float* map, const float* offset,
    int block, int nestedBlock, Reals out, int64 n) {
    __shared__ float table[16];
    if (threadIdx.x < 16) {
        table[threadIdx.x] = nf4Code(threadIdx.x);
    }
    __syncthreads();
    const int64 RUN = 32;
    bool aligned = out.aligned() && reinterpret_cast<unsigned long long>(packed) % 16 == 0;
    for (int64 run = gridThread(); run * RUN < n; run += gridThreads()) {
        int64 at = run * RUN, b = at / block;
        float scale = absmax != nullptr ? absmax[b] : map[codes[b]] * nested[b / nestedBlock] + offset[0];
        if (aligned && at + RUN <= n) {
            uint4 words = reinterpret_cast<const uint4*>(packed)[run];
            unsigned all[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
            for (int w = 0; w < 4; w++) {
                float first[4], second[4];
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    unsigned low = all[w] >> 8 * e & 0xff, high = all[w] >> (16 + 8 * e) & 0xff;
                    first[2 * e] = table[low >> 4] * scale;
                    first[2 * e + 1] = table[low & 15] * scale;
                    second[2 * e] = table[high >> 4] * scale;
                    second[2 * e + 1] = table[high & 15] * scale;
                }
                out.set4(at + 8 * w, first);
                out.set4(at + 8 * w + 4, second);
            }
        } else {
            for (int64 i = at; i < at + RUN && i < n; i++) {
                unsigned pair = packed[i / 2];
                out.set(i, table[i % 2 == 0 ? pair >> 4 : pair & 15] * scale);
            }
        }
    }
}
LAUNCHABLE(dequantizeNf4)
