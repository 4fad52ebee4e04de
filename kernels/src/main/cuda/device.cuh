// The language of the kernels: what they use beyond C++, once for nvcc and once, in emulated.h, for g++ on a machine without a GPU.
//
// A kernel is `extern "C" __global__ void name(...)` followed by LAUNCHABLE(name). Parameters are pointers, numbers and Reals.
// Blocks are one-dimensional and a multiple of 32 threads. Shared memory lies in variables of the kernel itself, not of templates,
// or is dynamic (DYNAMIC_SHARED). Warp operations take the whole warp. Products and sums are not contracted (-fmad=false,
// -ffp-contract=off): where one rounding is wanted for both, a kernel says fmaf.
#pragma once

#ifdef __CUDACC__

#include <cuda_bf16.h>

#define LAUNCHABLE(kernel)
#define DYNAMIC_SHARED(name) extern __shared__ __align__(128) unsigned char name[]
#define INLINE __device__ __forceinline__

INLINE float wordAsFloat(unsigned bits) { return __uint_as_float(bits); }
INLINE unsigned floatAsWord(float value) { return __float_as_uint(value); }

// Rounded to nearest even; a NaN stays one.
INLINE unsigned short roundToBf16(float value) { return __bfloat16_as_ushort(__float2bfloat16_rn(value)); }

// Two of them in a word, the first in its lower half.
INLINE unsigned roundToBf16s(float first, float second) {
    __nv_bfloat162 both = __floats2bfloat162_rn(first, second);
    return *reinterpret_cast<unsigned*>(&both);
}

// d += a b for one tile of 16 x 8 sums over 16 terms, by the whole warp. With g = lane / 4 and t = lane % 4, each lane holds
//   a[0], a[1], a[2], a[3]: of A [16, 16] the pairs (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), columns 2t and 2t + 1 each
//   b[0], b[1]:             of B [16, 8] the pairs (2t, g), (2t + 8, g), rows 2t and 2t + 1 each
//   d[0 .. 3]:              of D [16, 8] (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
INLINE void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// d[i][j] += a[i] b[j].
template <int down, int across>
INLINE void multiplyTiles(float (&d)[down][across][4], const unsigned (&a)[down][4], const unsigned (&b)[across][2]) {
#pragma unroll
    for (int i = 0; i < down; i++) {
#pragma unroll
        for (int j = 0; j < across; j++) {
            multiplyTile(d[i][j], a[i], b[j]);
        }
    }
}

// Four 8 x 8 matrices of BF16 from shared memory. Lane l says where row l % 8 of matrix l / 8 begins (16 bytes, aligned); of each
// matrix it gets the pair (l / 4, 2 (l % 4)).
INLINE void loadMatrices(unsigned (&r)[4], const void* row) {
    unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(from)
                 : "memory");
}

// The same transposed: of each matrix a lane gets the elements (2 (l % 4), l / 4) and (2 (l % 4) + 1, l / 4).
INLINE void loadMatricesTransposed(unsigned (&r)[4], const void* row) {
    unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(from)
                 : "memory");
}

// 16 bytes from global to shared memory, both aligned to 16, of which the first `bytes` are read and the others become zero. They
// are there once a wait for their group is over and the threads that read them have met at a barrier.
INLINE void copyAsync(void* shared, const void* global, int bytes) {
    unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
}

// Ends a group of this thread's copies.
INLINE void endCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most so many of this thread's latest groups are still under way.
template <int left>
INLINE void awaitCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
}

const unsigned WHOLE_WARP = 0xffffffffu;
const int WARP = 32;

// The sum over a warp, the same in each of its lanes.
template <class T>
INLINE T warpSum(T value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(WHOLE_WARP, value, distance);
    }
    return value;
}

INLINE float warpMax(float value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        value = fmaxf(value, __shfl_xor_sync(WHOLE_WARP, value, distance));
    }
    return value;
}

// The largest of a warp's values and its place, the lowest where there are several.
INLINE void warpLargest(float& value, int& place) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        float other = __shfl_xor_sync(WHOLE_WARP, value, distance);
        int otherPlace = __shfl_xor_sync(WHOLE_WARP, place, distance);
        if (other > value || (other == value && otherPlace < place)) {
            value = other;
            place = otherPlace;
        }
    }
}

#else
#include "emulated.h"
#endif

typedef long long int64;

INLINE float bf16AsFloat(unsigned short bits) { return wordAsFloat(static_cast<unsigned>(bits) << 16); }

// A tensor of real numbers, F32 or BF16, all its elements in a row. The type is the same for all threads, so that asking for it
// costs nothing beside a read from memory.
struct Reals {
    void* data;
    int64 bf16;  // 1 if it holds BF16, 0 if F32

    INLINE float get(int64 i) const {
        return bf16 ? bf16AsFloat(static_cast<const unsigned short*>(data)[i]) : static_cast<const float*>(data)[i];
    }

    INLINE void set(int64 i, float value) const {
        if (bf16) {
            static_cast<unsigned short*>(data)[i] = roundToBf16(value);
        } else {
            static_cast<float*>(data)[i] = value;
        }
    }

    // From element i on.
    INLINE Reals from(int64 i) const { return Reals{static_cast<char*>(data) + (bf16 ? 2 : 4) * i, bf16}; }

    // Whether elements from a multiple of four on can be read four at a time.
    INLINE bool aligned() const { return (reinterpret_cast<unsigned long long>(data) & (bf16 ? 7 : 15)) == 0; }

    // Elements i to i + 3, i a multiple of four, of a tensor that is aligned().
    INLINE void get4(int64 i, float (&v)[4]) const {
        if (bf16) {
            uint2 words = reinterpret_cast<const uint2*>(data)[i / 4];
            v[0] = wordAsFloat(words.x << 16);
            v[1] = wordAsFloat(words.x & 0xffff0000u);
            v[2] = wordAsFloat(words.y << 16);
            v[3] = wordAsFloat(words.y & 0xffff0000u);
        } else {
            float4 four = reinterpret_cast<const float4*>(data)[i / 4];
            v[0] = four.x;
            v[1] = four.y;
            v[2] = four.z;
            v[3] = four.w;
        }
    }

    INLINE void set4(int64 i, const float (&v)[4]) const {
        if (bf16) {
            reinterpret_cast<uint2*>(data)[i / 4] = make_uint2(roundToBf16s(v[0], v[1]), roundToBf16s(v[2], v[3]));
        } else {
            reinterpret_cast<float4*>(data)[i / 4] = make_float4(v[0], v[1], v[2], v[3]);
        }
    }
};

// This thread's number in the whole grid, and how many there are.
INLINE int64 gridThread() { return static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x; }
INLINE int64 gridThreads() { return static_cast<int64>(gridDim.x) * blockDim.x; }

// The sum over a block, the same in all its threads and in the same order always. `warps` has 32 places in shared memory, and may be
// used for the next sum at once.
template <class T>
INLINE T blockSum(T value, T* warps) {
    value = warpSum(value);
    __syncthreads();
    if (threadIdx.x % WARP == 0) {
        warps[threadIdx.x / WARP] = value;
    }
    __syncthreads();
    T sum = warps[0];
    for (int w = 1; w < static_cast<int>(blockDim.x) / WARP; w++) {
        sum += warps[w];
    }
    return sum;
}
