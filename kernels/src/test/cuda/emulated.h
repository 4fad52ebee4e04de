// What device.cuh needs of CUDA, for g++: a block's threads are fibers of one process, and what they do together (barriers, shuffles,
// products of tiles) waits for all that take part. See emulated.cpp for what is checked.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __restrict__ __restrict
#define INLINE inline

// Each source file has a section for its shared memory, so that a block can find all of it poisoned.
#define SECTION_NAME_(file) "shared_" #file
#define SECTION_NAME(file) SECTION_NAME_(file)
#define __shared__ static __attribute__((section(SECTION_NAME(SOURCE))))
#define DYNAMIC_SHARED(name) unsigned char* const name = emulated::dynamicShared()

struct uint3 {
    unsigned x, y, z;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

extern uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {

// Where something happens, for messages, and to tell that threads meet at one place.
struct Place {
    const char* file;
    int line;
};

// All threads of a block, or of a warp, meet.
void barrier(Place place);
void warpBarrier(Place place);

// Gives `bytes` (at most 16) to the other lanes, and says where those of all lanes lie, 16 bytes apart, until the next exchange but one.
const unsigned char* exchange(const void* given, size_t bytes, Place place);

void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]);
void loadMatrices(unsigned (&r)[4], const void* row, bool transposed);
void copyAsync(void* shared, const void* global, int bytes);
void endCopies();
void awaitCopies(int left);
unsigned char* dynamicShared();

template <class T>
T shuffle(T value, int from, Place place) {
    const unsigned char* all = exchange(&value, sizeof(T), place);
    std::memcpy(&value, all + 16 * (from & 31), sizeof(T));
    return value;
}

// As neighbours at half the distance each time would be joined by shuffles, in one meeting.
template <class T, class Join>
T joined(T value, Join join, Place place) {
    const unsigned char* all = exchange(&value, sizeof(T), place);
    T values[32];
    for (int lane = 0; lane < 32; lane++) {
        std::memcpy(&values[lane], all + 16 * lane, sizeof(T));
    }
    for (int distance = 16; distance > 0; distance /= 2) {
        for (int lane = 0; lane < distance; lane++) {
            values[lane] = join(values[lane], values[lane + distance]);
        }
    }
    return values[0];
}

// A kernel under its name, with what one thread of it does given its parameters, each at a multiple of eight bytes.
using Thread = void (*)(const char* parameters);
void add(const char* name, Thread thread, int parameterBytes, char* sharedStart, char* sharedStop);

constexpr int padded(size_t bytes) { return static_cast<int>((bytes + 7) / 8 * 8); }

template <class... P>
constexpr int parameterBytes(void (*)(P...)) {
    return (0 + ... + padded(sizeof(P)));
}

template <class P>
P next(const char*& parameters) {
    P value;
    std::memcpy(&value, parameters, sizeof(P));
    parameters += padded(sizeof(P));
    return value;
}

template <class... P>
void call(void (*kernel)(P...), const char* parameters) {
    std::tuple<P...> all{next<P>(parameters)...};
    std::apply(kernel, all);
}

struct Added {
    Added(const char* name, Thread thread, int bytes, char* start, char* stop) { add(name, thread, bytes, start, stop); }
};

}  // namespace emulated

#define GLUED_(a, b) a##b
#define GLUED(a, b) GLUED_(a, b)
extern "C" __attribute__((weak)) char GLUED(__start_shared_, SOURCE)[], GLUED(__stop_shared_, SOURCE)[];

#define LAUNCHABLE(kernel)                                                                                          \
    static emulated::Added added_##kernel(                                                                          \
        #kernel, [](const char* parameters) { emulated::call(kernel, parameters); }, emulated::parameterBytes(kernel), \
        GLUED(__start_shared_, SOURCE), GLUED(__stop_shared_, SOURCE));

#define HERE (emulated::Place{__FILE__, __LINE__})
#define LANE (static_cast<int>(threadIdx.x % 32))
#define __syncthreads() emulated::barrier(HERE)
#define __syncwarp() emulated::warpBarrier(HERE)
#define __shfl_sync(mask, value, from) emulated::shuffle(value, from, HERE)
#define __shfl_xor_sync(mask, value, distance) emulated::shuffle(value, LANE ^ (distance), HERE)
#define __shfl_down_sync(mask, value, distance) emulated::shuffle(value, LANE + (distance) < 32 ? LANE + (distance) : LANE, HERE)
#define __shfl_up_sync(mask, value, distance) emulated::shuffle(value, LANE < (distance) ? LANE : LANE - (distance), HERE)

inline float wordAsFloat(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
inline unsigned floatAsWord(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}
inline unsigned short roundToBf16(float value) {
    unsigned bits = floatAsWord(value);
    if (value != value) {
        return 0x7fff;
    }
    return static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}
inline unsigned roundToBf16s(float first, float second) {
    return roundToBf16(first) | static_cast<unsigned>(roundToBf16(second)) << 16;
}

inline void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) { emulated::multiplyTile(d, a, b); }
inline void loadMatrices(unsigned (&r)[4], const void* row) { emulated::loadMatrices(r, row, false); }
inline void loadMatricesTransposed(unsigned (&r)[4], const void* row) { emulated::loadMatrices(r, row, true); }
inline void copyAsync(void* shared, const void* global, int bytes) { emulated::copyAsync(shared, global, bytes); }
inline void endCopies() { emulated::endCopies(); }
template <int left>
inline void awaitCopies() {
    emulated::awaitCopies(left);
}

const unsigned WHOLE_WARP = 0xffffffffu;
const int WARP = 32;
#define warpSum(value) emulated::joined(value, [](auto a, auto b) { return a + b; }, HERE)
#define warpMax(value) emulated::joined(value, [](float a, float b) { return fmaxf(a, b); }, HERE)

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline long long min(long long a, long long b) { return a < b ? a : b; }
inline long long max(long long a, long long b) { return a > b ? a : b; }
inline unsigned umulhi(unsigned a, unsigned b) { return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32); }
#define rsqrt(x) (1.0 / sqrt(x))
