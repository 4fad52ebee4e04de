// Tiles of BF16 heads in shared memory, the two products that attention is made of, and masks. Four warps share a block's rows, so that no warp
// needs another's scores: they go from one product to the next in registers.
//
// A tile of n rows is [n, W + SPARE], W the width of a head rounded up; what lies outside the sequence or beyond the width is zero. The spare
// elements let the eight rows that are read together lie in different banks.
#pragma once
#include "sequences.cuh"

const int THREADS = 128;
const int WARPS = THREADS / WARP;
const int SPARE = 8;
const float LOG2E = 1.44269504088896341f, LN2 = 0.693147180559945309f;

// One head of a BF16 tensor [rows, heads * width].
struct Head {
    unsigned short* data;
    int64 stride;
    int width;
    bool whole;  // eight elements can be read at once

    INLINE Head(const Reals& x, int64 heads, int head, int64 width)
        : data(static_cast<unsigned short*>(x.data) + head * width), stride(heads * width), width(static_cast<int>(width)) {
        whole = width % 8 == 0 && reinterpret_cast<unsigned long long>(x.data) % 16 == 0;
    }
};

// Brings rows from `first` on of the sequence that begins at `start` to shared memory, those from `end` on as zeros.
template <int W, int ROWS>
INLINE void bring(const Head& from, int start, int first, int end, unsigned short* to) {
#pragma unroll 2
    for (int i = threadIdx.x; i < ROWS * W / 8; i += THREADS) {
        int r = i / (W / 8), c = i % (W / 8) * 8;
        unsigned short* target = to + r * (W + SPARE) + c;
        const unsigned short* source = from.data + (start + first + r) * from.stride + c;
        bool inside = first + r < end;
        if (from.whole) {
            inside = inside && c < from.width;
            copyAsync(target, inside ? source : from.data, inside ? 16 : 0);
        } else {
#pragma unroll
            for (int e = 0; e < 8; e++) {
                target[e] = inside && c + e < from.width ? source[e] : 0;
            }
        }
    }
}

// f(i, j, e) for each of a lane's numbers of DOWN x ACROSS products.
template <int DOWN, int ACROSS, class F>
INLINE void forEach(F f) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int j = 0; j < ACROSS; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                f(i, j, e);
            }
        }
    }
}

// product = own other^T: of DOWN x 16 rows and ACROSS x 8.
template <int W, int DOWN, int ACROSS>
INLINE void multiplyRows(const unsigned short* own, const unsigned short* other, float (&product)[DOWN][ACROSS][4]) {
    int lane = threadIdx.x % WARP, matrix = lane / 8, line = lane % 8;
    forEach<DOWN, ACROSS>([&](int i, int j, int e) { product[i][j][e] = 0; });
#pragma unroll
    for (int w = 0; w < W; w += 16) {
        unsigned a[DOWN][4];
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
            loadMatrices(a[i], own + (16 * i + matrix % 2 * 8 + line) * (W + SPARE) + w + matrix / 2 * 8);
        }
#pragma unroll
        for (int j = 0; j < ACROSS; j += 2) {
            unsigned two[4];
            loadMatrices(two, other + (8 * j + matrix / 2 * 8 + line) * (W + SPARE) + w + matrix % 2 * 8);
            const unsigned b[2][2] = {{two[0], two[1]}, {two[2], two[3]}};
#pragma unroll
            for (int i = 0; i < DOWN; i++) {
                multiplyTile(product[i][j], a[i], b[0]);
                multiplyTile(product[i][j + 1], a[i], b[1]);
            }
        }
    }
}

// sum += factor other, the factor rounded to BF16. What a lane holds of a product's 16 x 8 sums is what it must hold of a factor.
template <int W, int DOWN, int ACROSS>
INLINE void addRows(const float (&factor)[DOWN][ACROSS][4], const unsigned short* other, float (&sum)[DOWN][W / 8][4]) {
    int lane = threadIdx.x % WARP, matrix = lane / 8, line = lane % 8;
#pragma unroll
    for (int j = 0; j < ACROSS; j += 2) {
        unsigned a[DOWN][4];
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const float(&half)[4] = factor[i][j + e / 2];
                a[i][e] = roundToBf16s(half[e % 2 * 2], half[e % 2 * 2 + 1]);
            }
        }
#pragma unroll
        for (int w = 0; w < W; w += 16) {
            unsigned two[4];
            loadMatricesTransposed(two, other + (8 * j + matrix % 2 * 8 + line) * (W + SPARE) + w + matrix / 2 * 8);
            const unsigned b[2][2] = {{two[0], two[1]}, {two[2], two[3]}};
#pragma unroll
            for (int i = 0; i < DOWN; i++) {
                multiplyTile(sum[i][w / 8], a[i], b[0]);
                multiplyTile(sum[i][w / 8 + 1], a[i], b[1]);
            }
        }
    }
}

// The row of a sum, counted in the warp's: `half` is e / 2 for element e of four. Its column in eight is pairColumn() + e % 2.
INLINE int rowOf(int i, int half) { return 16 * i + 8 * half + static_cast<int>(threadIdx.x) % WARP / 4; }
INLINE int pairColumn() { return static_cast<int>(threadIdx.x) % 4 * 2; }

// Products of rows from `row` on with the other side's from `column` on become scores; what is not seen becomes -infinity.
template <int DOWN, int ACROSS>
INLINE void toScores(const Scores& scores, const Tile& tile, int row, int column, float (&s)[DOWN][ACROSS][4]) {
    if (scores.capped()) {
        forEach<DOWN, ACROSS>([&](int i, int j, int e) { s[i][j][e] = scores.capped(s[i][j][e]); });
    } else {
        forEach<DOWN, ACROSS>([&](int i, int j, int e) { s[i][j][e] = scores.plain(s[i][j][e]); });
    }
    if (tile.seesAll(row, 16 * DOWN, column, 8 * ACROSS)) {
        return;
    }
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int first = tile.firstSeen(row + rowOf(i, half)) - column - pairColumn();
            int last = tile.lastSeen(row + rowOf(i, half)) - column - pairColumn();
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    if (8 * j + e < first || 8 * j + e > last) {
                        s[i][j][2 * half + e] = -INFINITY;
                    }
                }
            }
        }
    }
}

// Stores the warp's rows from `row` on of the sequence that begins at `start`, as far as `end`.
template <int W, int DOWN>
INLINE void store(const float (&sum)[DOWN][W / 8][4], float factor, const Head& to, int start, int row, int end) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + rowOf(i, half);
            unsigned short* target = to.data + (start + r) * to.stride;
#pragma unroll
            for (int j = 0; j < W / 8; j++) {
                int c = 8 * j + pairColumn();
                unsigned pair = roundToBf16s(factor * sum[i][j][2 * half], factor * sum[i][j][2 * half + 1]);
                if (r < end && to.whole && c < to.width) {
                    *reinterpret_cast<unsigned*>(target + c) = pair;
                } else if (r < end) {
                    if (c < to.width) {
                        target[c] = static_cast<unsigned short>(pair);
                    }
                    if (c + 1 < to.width) {
                        target[c + 1] = static_cast<unsigned short>(pair >> 16);
                    }
                }
            }
        }
    }
}
