#include "device.cuh"

// c = alpha op(a) op(b) + beta c on BF16 with sums in fp32; c [m, n], the inner extent k. What is stored as F32 is rounded as it comes. With
// beta == 0 the old c is not read. There is a kernel for each pair of ways in which the factors may lie:
//
//   a, by rows [m, k], or transposed [k, m]
//   b, transposed [n, k], or by rows [k, n]
//
// A block of eight warps makes a tile of 128 x 128, 32 terms at a time out of shared memory, while the next 32 come. Each warp has 64 x 32
// of it: 4 x 4 tiles of 16 x 8. Rows in shared memory are eight elements longer than what they hold, so that the eight rows that are read
// together lie in different banks. What lies outside the matrices counts as zero.
const int ROWS = 128;     // of a tile of c
const int COLUMNS = 128;
const int TERMS = 32;
const int SPARE = 8;
const int STAGE = ROWS * (TERMS + SPARE);  // elements of one factor's part, more than TERMS * (ROWS + SPARE)
const int THREADS = 256;
const int DOWN = 4, ACROSS = 4;  // tiles of 16 x 8 of a warp

// A matrix in memory and how to read it.
struct Stored {
    Reals data;
    int rows, columns;
    bool whole;  // eight elements of a row can be read at once

    INLINE Stored(Reals data, int rows, int columns) : data(data), rows(rows), columns(columns) {
        whole = data.bf16 && columns % 8 == 0 && reinterpret_cast<unsigned long long>(data.data) % 16 == 0;
    }
};

// Brings the elements [row, row + height) x [column, column + width) to shared memory, rows width + SPARE apart.
template <int height, int width>
INLINE void bring(const Stored& from, int row, int column, unsigned short* to) {
    for (int i = threadIdx.x; i < height * width / 8; i += THREADS) {
        int r = i / (width / 8), c = i % (width / 8) * 8;
        unsigned short* target = to + r * (width + SPARE) + c;
        int64 at = static_cast<int64>(row + r) * from.columns + column + c;
        if (from.whole) {
            bool inside = row + r < from.rows && column + c < from.columns;
            const unsigned short* source = static_cast<const unsigned short*>(from.data.data);
            copyAsync(target, inside ? source + at : source, inside ? 16 : 0);
        } else {
#pragma unroll
            for (int e = 0; e < 8; e++) {
                bool inside = row + r < from.rows && column + c + e < from.columns;
                target[e] = inside ? roundToBf16(from.data.get(at + e)) : 0;
            }
        }
    }
}

template <bool transposed>
INLINE void bringLeft(const Stored& a, int row, int term, unsigned short* to) {
    if (transposed) {
        bring<TERMS, ROWS>(a, term, row, to);
    } else {
        bring<ROWS, TERMS>(a, row, term, to);
    }
}

template <bool transposed>
INLINE void bringRight(const Stored& b, int column, int term, unsigned short* to) {
    if (transposed) {
        bring<COLUMNS, TERMS>(b, column, term, to);
    } else {
        bring<TERMS, COLUMNS>(b, term, column, to);
    }
}

// sum += the product of the 64 x TERMS of a from `row` on and the TERMS x 32 of b from `column` on.
template <bool transposeA, bool transposeB>
INLINE void multiply(const unsigned short* left, const unsigned short* right, int row, int column, float (&sum)[DOWN][ACROSS][4]) {
    int lane = threadIdx.x % WARP, matrix = lane / 8, line = lane % 8;
#pragma unroll
    for (int term = 0; term < TERMS; term += 16) {
        unsigned a[DOWN][4], b[ACROSS][2];
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
            int m = row + 16 * i + matrix % 2 * 8, t = term + matrix / 2 * 8;
            if (transposeA) {
                loadMatricesTransposed(a[i], left + (t + line) * (ROWS + SPARE) + m);
            } else {
                loadMatrices(a[i], left + (m + line) * (TERMS + SPARE) + t);
            }
        }
#pragma unroll
        for (int j = 0; j < ACROSS; j += 2) {
            int n = column + 8 * j + matrix / 2 * 8, t = term + matrix % 2 * 8;
            unsigned two[4];
            if (transposeB) {
                loadMatrices(two, right + (n + line) * (TERMS + SPARE) + t);
            } else {
                loadMatricesTransposed(two, right + (t + line) * (COLUMNS + SPARE) + n);
            }
            b[j][0] = two[0];
            b[j][1] = two[1];
            b[j + 1][0] = two[2];
            b[j + 1][1] = two[3];
        }
        multiplyTiles(sum, a, b);
    }
}

INLINE void store(const Reals& c, int64 row, int column, int n, float alpha, float beta, float first, float second) {
    int64 at = row * n + column;
    if (column < n) {
        c.set(at, beta == 0 ? alpha * first : fmaf(beta, c.get(at), alpha * first));
    }
    if (column + 1 < n) {
        c.set(at + 1, beta == 0 ? alpha * second : fmaf(beta, c.get(at + 1), alpha * second));
    }
}

template <bool transposeA, bool transposeB>
INLINE void multiplyMatrices(
    const Stored& a, const Stored& b, float alpha, float beta, const Reals& c, int m, int n, int k, unsigned short* left, unsigned short* right) {
    int firstRow = blockIdx.y * ROWS, firstColumn = blockIdx.x * COLUMNS;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int row = warp / 4 * 64, column = warp % 4 * 32;
    bool needed = firstRow + row < m && firstColumn + column < n;  // the warp's part; thin matrices have few of them
    float sum[DOWN][ACROSS][4] = {};
    bringLeft<transposeA>(a, firstRow, 0, left);
    bringRight<transposeB>(b, firstColumn, 0, right);
    endCopies();
    for (int term = 0, stage = 0; term < k; term += TERMS, stage ^= 1) {
        if (term + TERMS < k) {
            bringLeft<transposeA>(a, firstRow, term + TERMS, left + (stage ^ 1) * STAGE);
            bringRight<transposeB>(b, firstColumn, term + TERMS, right + (stage ^ 1) * STAGE);
        }
        endCopies();
        awaitCopies<1>();
        __syncthreads();
        if (needed) {
            multiply<transposeA, transposeB>(left + stage * STAGE, right + stage * STAGE, row, column, sum);
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int j = 0; j < ACROSS; j++) {
            int r = firstRow + row + 16 * i + lane / 4, q = firstColumn + column + 8 * j + lane % 4 * 2;
            if (r < m) {
                store(c, r, q, n, alpha, beta, sum[i][j][0], sum[i][j][1]);
            }
            if (r + 8 < m) {
                store(c, r + 8, q, n, alpha, beta, sum[i][j][2], sum[i][j][3]);
            }
        }
    }
}

#define MATMUL(name, transposeA, transposeB)                                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS)                                                                         \
        name(Reals a, Reals b, float alpha, float beta, Reals c, int m, int n, int k) {                                           \
        __shared__ __align__(16) unsigned short left[2 * STAGE];                                                                  \
        __shared__ __align__(16) unsigned short right[2 * STAGE];                                                                 \
        Stored storedA = transposeA ? Stored(a, k, m) : Stored(a, m, k);                                                          \
        Stored storedB = transposeB ? Stored(b, n, k) : Stored(b, k, n);                                                          \
        multiplyMatrices<transposeA, transposeB>(storedA, storedB, alpha, beta, c, m, n, k, left, right);                         \
    }                                                                                                                             \
    LAUNCHABLE(name)

MATMUL(matmulHalf, false, false)
MATMUL(matmulHalfTransposedRight, false, true)
MATMUL(matmulHalfTransposedLeft, true, false)
MATMUL(matmulHalfTransposedBoth, true, true)
