// 32 random bits for each element of a tensor, a function of a key and the element's index alone: see Kernels.dropout.
#pragma once
#include "device.cuh"

INLINE unsigned mix32(unsigned z) {
    z = (z ^ z >> 16) * 0x85EBCA6Bu;
    z = (z ^ z >> 13) * 0xC2B2AE35u;
    return z ^ z >> 16;
}

INLINE unsigned long long mix64(unsigned long long z) {
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

INLINE unsigned counterBits(int64 key, int64 i) {
    unsigned long long k = mix64(static_cast<unsigned long long>(key) + static_cast<unsigned long long>(i >> 20) * 0x9E3779B97F4A7C15ull);
    unsigned place = static_cast<unsigned>(i & 0xfffff) + static_cast<unsigned>(k);
    return mix32(mix32(place) ^ static_cast<unsigned>(k >> 32));
}
