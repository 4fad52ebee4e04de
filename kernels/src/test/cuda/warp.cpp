// What the lanes of a warp do together, and their asynchronous copies. A warp runs on without another in between from where its lanes give
// something to where they have read what came of it (see threads.h), so that there is one place for that.
#include <immintrin.h>
#include <sanitizer/asan_interface.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "faults.h"
#include "threads.h"

namespace emulated {
namespace {

// Lanes that are quick give at the next meeting what may not yet take the place of what slow ones read.
Word words[2][32];
alignas(16) uint4 rows[2][32];
int turn;
Together doing;

void meetAll(Word* given) {
    turn ^= 1;
    if (doing != nullptr) {
        doing(given);
    }
}

// Tiles of a [16, 16] and b [16, 8] as pairs of BF16 along the terms, and their products.
const int MOST_TILES = 16;
unsigned left[MOST_TILES][16][8];
unsigned right[MOST_TILES][8][8];
alignas(32) float product[MOST_TILES * MOST_TILES][16][8];
int down, across;

__m256 even(__m256i both) { return _mm256_castsi256_ps(_mm256_slli_epi32(both, 16)); }
__m256 odd(__m256i both) { return _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(static_cast<int>(0xffff0000)))); }
__m256i pairs(const unsigned* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }

// Each sum in fp32, from the first term to the last, eight rows at a time.
void multiplyTile(const float (&a)[2][16][8], const unsigned (&b)[8][8], float (&sums)[16][8]) {
    for (int row = 0; row < 16; row += 8) {
        __m256 sum[8] = {};
#pragma GCC unroll 8
        for (int pair = 0; pair < 8; pair++) {
            __m256i both = pairs(b[pair]);
            __m256 first = even(both), second = odd(both);
#pragma GCC unroll 8
            for (int r = 0; r < 8; r++) {
                sum[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(&a[0][row + r][pair]), first, sum[r]);
            }
#pragma GCC unroll 8
            for (int r = 0; r < 8; r++) {
                sum[r] = _mm256_fmadd_ps(_mm256_broadcast_ss(&a[1][row + r][pair]), second, sum[r]);
            }
        }
        for (int r = 0; r < 8; r++) {
            _mm256_store_ps(sums[row + r], sum[r]);
        }
    }
}

void multiplyAll(Word*) {
    for (int i = 0; i < down; i++) {
        alignas(32) float a[2][16][8];
        for (int row = 0; row < 16; row++) {
            _mm256_store_ps(a[0][row], even(pairs(left[i][row])));
            _mm256_store_ps(a[1][row], odd(pairs(left[i][row])));
        }
        for (int j = 0; j < across; j++) {
            multiplyTile(a, right[j], product[i * across + j]);
        }
    }
}

// --- copies ---

struct Copy {
    uint4* to;
    const char* from;
    int bytes;
    int group;
};

struct Copies {
    std::vector<Copy> all;
    size_t done;
    int group;
};

Copies copies[MOST_THREADS];
bool copied;

}  // namespace

const Word* meet(Word mine, Together together, Place place) {
    Word* given = words[turn];
    given[threadIdx.x % 32] = mine;
    doing = together;
    stopInWarp(meetAll, given, place, __builtin_return_address(0));
    return given;
}

void load(unsigned* r, const uint4* row, bool transposed, Place place) {
    const uint4* all = rows[turn];
    memcpy(&rows[turn][threadIdx.x % 32], row, sizeof(uint4));
    doing = nullptr;
    stopInWarp(meetAll, nullptr, place, __builtin_return_address(0));
    int lane = threadIdx.x % 32;
    for (int matrix = 0; matrix < 4; matrix++, all += 8) {
        if (transposed) {
            auto at = reinterpret_cast<const unsigned short(*)[8]>(all);
            r[matrix] = at[lane % 4 * 2][lane / 4] | static_cast<unsigned>(at[lane % 4 * 2 + 1][lane / 4]) << 16;
        } else {
            r[matrix] = reinterpret_cast<const unsigned(*)[4]>(all)[lane / 4][lane % 4];
        }
    }
}

void multiply(float (*d)[4], const unsigned (*a)[4], int i, const unsigned (*b)[2], int j, Place place) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    down = i;
    across = j;
    if (down > MOST_TILES || across > MOST_TILES) {
        fail("multiplies more tiles than the emulated device can at once.");
    }
    for (i = 0; i < down; i++) {
        left[i][g][t] = a[i][0];
        left[i][g + 8][t] = a[i][1];
        left[i][g][t + 4] = a[i][2];
        left[i][g + 8][t + 4] = a[i][3];
    }
    for (j = 0; j < across; j++) {
        right[j][t][g] = b[j][0];
        right[j][t + 4][g] = b[j][1];
    }
    int tiles = down * across;
    stopInWarp(multiplyAll, nullptr, place, __builtin_return_address(0));
    for (i = 0; i < tiles; i++) {
        d[i][0] += product[i][g][2 * t];
        d[i][1] += product[i][g][2 * t + 1];
        d[i][2] += product[i][g + 8][2 * t];
        d[i][3] += product[i][g + 8][2 * t + 1];
    }
}

void copyLater(uint4* shared, const void* global, int bytes) {
    const void* code = __builtin_return_address(0);
    if (reinterpret_cast<uintptr_t>(global) % 16 != 0) {
        failAt(code, "copies from an address that is no multiple of 16.");
    }
    if (bytes < 0 || bytes > 16) {
        failAt(code, "copies %d bytes at once.", bytes);
    }
    if (bytes > 0 && bytes < 16 && __asan_region_is_poisoned(const_cast<void*>(global), bytes) != nullptr) {
        failAccess(code, global, bytes, false);
    }
    Copies& mine = copies[threadIdx.x];
    mine.all.push_back({shared, static_cast<const char*>(global), bytes, mine.group});
    copied = true;
}

void endCopies() {
    copies[threadIdx.x].group++;
    copied = true;
}

// Groups end in the order in which they began. Memory is read only now: it is a fault of the kernel if it has changed since.
void awaitCopies(int left) {
    Copies& mine = copies[threadIdx.x];
    for (; mine.done < mine.all.size() && mine.all[mine.done].group < mine.group - left; mine.done++) {
        const Copy& copy = mine.all[mine.done];
        if (copy.bytes == 16) {
            memcpy(copy.to, copy.from, 16);
        } else {
            memset(copy.to, 0, 16);
            memcpy(copy.to, copy.from, copy.bytes);
        }
    }
    if (mine.done == mine.all.size()) {
        mine.all.clear();
        mine.done = 0;
    }
}

void dropCopies() {
    if (copied) {
        for (Copies& each : copies) {
            each.all.clear();
            each.done = 0;
            each.group = 0;
        }
        copied = false;
    }
}

}  // namespace emulated
