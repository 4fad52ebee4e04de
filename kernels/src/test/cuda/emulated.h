// What device.cuh needs of CUDA, for g++: a block's threads are fibers of one process, and what they do together (barriers, shuffles,
// products of tiles) waits for all that take part. See emulated.cpp for what is checked, threads.h for how threads run.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __restrict__ __restrict
#define INLINE inline __attribute__((always_inline))

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
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {

// Where something happens, for messages, and to tell that threads meet at one place.
struct Place {
    const char* file;
    int line;

    // As the default of a parameter: of the call.
    static constexpr Place here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

// All threads of a block meet.
void barrier(Place place);

// The lanes of a warp meet and give each other a word: those of all lanes, until the next meeting but one. The last to come may first do
// something with them for all.
using Word = unsigned long long;
using Together = void (*)(Word* given);
const Word* meet(Word given, Together together, Place place);

// d[i][j] += a[i] b[j] for tiles as device.cuh has them.
void multiply(float (*d)[4], const unsigned (*a)[4], int down, const unsigned (*b)[2], int across, Place place);

// Of each of four matrices, whose rows the lanes give, a pair as device.cuh has it.
void load(unsigned* r, const uint4* row, bool transposed, Place place);

void copyLater(uint4* shared, const void* global, int bytes);
void endCopies();
void awaitCopies(int left);
unsigned char* dynamicShared();
void fail(const char* what);

template <class T>
INLINE Word wrapped(T value) {
    static_assert(sizeof(T) <= sizeof(Word), "a lane gives one word");
    Word word = 0;
    std::memcpy(&word, &value, sizeof(T));
    return word;
}

template <class T>
INLINE T unwrapped(Word word) {
    T value;
    std::memcpy(&value, &word, sizeof(T));
    return value;
}

// Makes sure that this memory may be read.
INLINE void look(const uint4* at) { asm volatile("" ::"r"(at->x), "r"(at->w)); }

template <class T>
INLINE T shuffle(unsigned mask, T value, int from, Place place) {
    if (mask != 0xffffffffu) {
        fail("does a warp operation without the whole warp.");
    }
    return unwrapped<T>(meet(wrapped(value), nullptr, place)[from & 31]);
}

// As neighbours at half the distance each time would be joined by shuffles, in one meeting.
template <class Join, class T>
INLINE T joined(T value, Place place) {
    Together join = [](Word* given) {
        for (int distance = 16; distance > 0; distance /= 2) {
            for (int lane = 0; lane < distance; lane++) {
                given[lane] = wrapped(Join()(unwrapped<T>(given[lane]), unwrapped<T>(given[lane + distance])));
            }
        }
    };
    return unwrapped<T>(meet(wrapped(value), join, place)[0]);
}

// A kernel under its name, with what one thread of it does given its parameters, each at a multiple of eight bytes.
using Thread = void (*)(const char* parameters);

// How many bytes each parameter has.
struct Sizes {
    const int* first;
    int count;
};
void add(const char* name, Thread thread, Sizes sizes, char* sharedStart, char* sharedStop);

template <class P>
constexpr int padded = (sizeof(P) + 7) / 8 * 8;

template <class P>
INLINE P at(const char* parameter) {
    P value;
    std::memcpy(&value, parameter, sizeof(P));
    return value;
}

// A kernel with parameters of these types, the i-th of which begins after all before it.
template <class... P, size_t... I>
INLINE void call(void (*kernel)(P...), const char* parameters, std::index_sequence<I...>) {
    constexpr int sizes[] = {padded<P>...};
    constexpr auto begin = [](const int* sizes, size_t i) {
        int sum = 0;
        for (size_t j = 0; j < i; j++) {
            sum += sizes[j];
        }
        return sum;
    };
    kernel(at<P>(parameters + std::integral_constant<int, begin(sizes, I)>::value)...);
}

template <class... P>
INLINE void call(void (*kernel)(P...), const char* parameters) {
    call(kernel, parameters, std::index_sequence_for<P...>());
}

template <class... P>
Sizes sizesOf(void (*)(P...)) {
    static constexpr int sizes[] = {static_cast<int>(sizeof(P))...};
    return {sizes, sizeof...(P)};
}

struct Added {
    Added(const char* name, Thread thread, Sizes sizes, char* start, char* stop) { add(name, thread, sizes, start, stop); }
};

}  // namespace emulated

#define GLUED_(a, b) a##b
#define GLUED(a, b) GLUED_(a, b)
extern "C" __attribute__((weak)) char GLUED(__start_shared_, SOURCE)[], GLUED(__stop_shared_, SOURCE)[];

#define LAUNCHABLE(kernel)                                                                                          \
    static emulated::Added added_##kernel(                                                                          \
        #kernel, [](const char* parameters) { emulated::call(kernel, parameters); }, emulated::sizesOf(kernel), \
        GLUED(__start_shared_, SOURCE), GLUED(__stop_shared_, SOURCE));

INLINE int laneOfThread() { return static_cast<int>(threadIdx.x % 32); }

INLINE void __syncthreads(emulated::Place place = emulated::Place::here()) { emulated::barrier(place); }
INLINE void __syncwarp(emulated::Place place = emulated::Place::here()) { emulated::meet(0, nullptr, place); }

template <class T>
INLINE T __shfl_sync(unsigned mask, T value, int from, emulated::Place place = emulated::Place::here()) {
    return emulated::shuffle(mask, value, from, place);
}
template <class T>
INLINE T __shfl_xor_sync(unsigned mask, T value, int distance, emulated::Place place = emulated::Place::here()) {
    return emulated::shuffle(mask, value, laneOfThread() ^ distance, place);
}
template <class T>
INLINE T __shfl_down_sync(unsigned mask, T value, int distance, emulated::Place place = emulated::Place::here()) {
    int lane = laneOfThread();
    return emulated::shuffle(mask, value, lane + distance < 32 ? lane + distance : lane, place);
}

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

template <int down, int across>
INLINE void multiplyTiles(
    float (&d)[down][across][4], const unsigned (&a)[down][4], const unsigned (&b)[across][2], emulated::Place place = emulated::Place::here()) {
    emulated::multiply(&d[0][0], a, down, b, across, place);
}
INLINE void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], emulated::Place place = emulated::Place::here()) {
    emulated::multiply(&d, &a, 1, &b, 1, place);
}

INLINE void loadMatrices(unsigned (&r)[4], const void* row, emulated::Place place = emulated::Place::here()) {
    emulated::look(static_cast<const uint4*>(row));
    emulated::load(r, static_cast<const uint4*>(row), false, place);
}
INLINE void loadMatricesTransposed(unsigned (&r)[4], const void* row, emulated::Place place = emulated::Place::here()) {
    emulated::look(static_cast<const uint4*>(row));
    emulated::load(r, static_cast<const uint4*>(row), true, place);
}

// What will be written is all ones until it is waited for. Both sides are looked at here, where the thread stands, not when it waits.
INLINE void copyAsync(void* shared, const void* global, int bytes) {
    uint4* to = static_cast<uint4*>(shared);
    const uint4* from = static_cast<const uint4*>(global);
    *to = uint4{~0u, ~0u, ~0u, ~0u};
    if (bytes == 16) {
        emulated::look(from);
    }
    emulated::copyLater(to, from, bytes);
}
INLINE void endCopies() { emulated::endCopies(); }
template <int left>
INLINE void awaitCopies() {
    emulated::awaitCopies(left);
}

const unsigned WHOLE_WARP = 0xffffffffu;
const int WARP = 32;

struct Sum {
    template <class T>
    T operator()(T a, T b) const { return a + b; }
};
struct Largest {
    float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct Placed {
    float value;
    int place;
};
struct First {
    Placed operator()(Placed a, Placed b) const { return b.value > a.value || (b.value == a.value && b.place < a.place) ? b : a; }
};
template <class T>
INLINE T warpSum(T value, emulated::Place place = emulated::Place::here()) {
    return emulated::joined<Sum>(value, place);
}
INLINE float warpMax(float value, emulated::Place place = emulated::Place::here()) { return emulated::joined<Largest>(value, place); }
INLINE void warpLargest(float& value, int& place, emulated::Place here = emulated::Place::here()) {
    Placed first = emulated::joined<First>(Placed{value, place}, here);
    value = first.value;
    place = first.place;
}

inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline long long min(long long a, long long b) { return a < b ? a : b; }
inline long long max(long long a, long long b) { return a > b ? a : b; }
