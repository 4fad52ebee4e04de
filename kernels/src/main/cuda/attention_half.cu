#include "attention_tiles.cuh"

// out = softmax(S) v and lse = log(sum of e^S), or null, on BF16 tensors, with S = scale q k^T, or cap tanh(S / cap), over the keys that the
// query sees. Scores, sums and lse are fp32; probabilities are rounded to BF16 to be multiplied.
//
//   q, out [N, heads, width]; k, v [M, kvHeads, width]; lse [N, heads]
//
// A block has some queries of a head, 16 DOWN of them a warp, and passes over the keys they see, some at a time, while the next ones come
// (arXiv 2307.08691). The largest score so far of each row is kept, and what was summed is multiplied where it rises. Scores are in powers
// of two. A grid is tiles of queries x heads.

// The largest of the values that the four lanes of a row hold, or their sum.
INLINE float rowMax(float value) {
    value = fmaxf(value, __shfl_xor_sync(WHOLE_WARP, value, 1));
    return fmaxf(value, __shfl_xor_sync(WHOLE_WARP, value, 2));
}

INLINE float rowSum(float value) {
    value += __shfl_xor_sync(WHOLE_WARP, value, 1);
    return value + __shfl_xor_sync(WHOLE_WARP, value, 2);
}

template <int W, int DOWN>
INLINE void multiplyRow(float (&sum)[DOWN][W / 8][4], int i, int half, float factor) {
#pragma unroll
    for (int j = 0; j < W / 8; j++) {
        sum[i][j][2 * half] *= factor;
        sum[i][j][2 * half + 1] *= factor;
    }
}

// Scores become e^(S - the row's largest so far); `total` is the lane's part of their sum.
template <int W, int DOWN, int ACROSS>
INLINE void toProbabilities(
    float (&s)[DOWN][ACROSS][4], float (&largest)[DOWN][2], float (&total)[DOWN][2], float (&sum)[DOWN][W / 8][4]) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float most = largest[i][half];
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
                most = fmaxf(most, fmaxf(s[i][j][2 * half], s[i][j][2 * half + 1]));
            }
            most = rowMax(most);
            float base = most == -INFINITY ? 0 : most;  // where nothing has been seen yet
            float less = exp2f(largest[i][half] - base);
            largest[i][half] = most;
            float more = 0;
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    float p = exp2f(s[i][j][2 * half + e] - base);
                    s[i][j][2 * half + e] = p;
                    more += p;
                }
            }
            total[i][half] = total[i][half] * less + more;
            multiplyRow<W, DOWN>(sum, i, half, less);
        }
    }
}

template <int W, int DOWN, int KEYS>
INLINE void attend(
    const Reals& q, const Reals& k, const Reals& v, const Batch& batch, const Heads& shape, const Scores& scores, const Reals& out, float* lse,
    unsigned short* shared) {
    const int ROWS = 16 * DOWN, QUERIES = WARPS * ROWS, STAGE = KEYS * (W + SPARE);
    Tile tile = batch.queries(blockIdx.x, QUERIES);
    if (tile.first >= tile.end) {
        return;
    }
    int head = blockIdx.y, group = head / shape.ofGroup(), warp = threadIdx.x / WARP;
    int row = tile.first + warp * ROWS;
    Head queries(q, shape.heads, head, shape.width), results(out, shape.heads, head, shape.width);
    Head keys(k, shape.kvHeads, group, shape.width), values(v, shape.kvHeads, group, shape.width);
    unsigned short* stages = shared + QUERIES * (W + SPARE);
    const unsigned short* own = shared + warp * ROWS * (W + SPARE);

    bring<W, QUERIES>(queries, tile.own, tile.first, tile.end, shared);
    float largest[DOWN][2], total[DOWN][2] = {}, sum[DOWN][W / 8][4] = {};
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
        largest[i][0] = largest[i][1] = -INFINITY;
    }
    int begin = tile.begin(), stop = tile.stop();
    for (int key = begin - KEYS, stage = 1; key < stop; key += KEYS, stage ^= 1) {
        awaitCopies<0>();
        __syncthreads();  // this stage is there, and nobody reads the other one any more
        if (key + KEYS < stop) {
            unsigned short* next = stages + (stage ^ 1) * 2 * STAGE;
            bring<W, KEYS>(keys, tile.other, key + KEYS, tile.others, next);
            bring<W, KEYS>(values, tile.other, key + KEYS, tile.others, next + STAGE);
            endCopies();
        }
        if (key >= begin && tile.sees(row, ROWS, key, KEYS)) {
            const unsigned short* now = stages + stage * 2 * STAGE;
            float s[DOWN][KEYS / 8][4];
            multiplyRows<W>(own, now, s);
            toScores(scores, tile, row, key, s);
            toProbabilities<W>(s, largest, total, sum);
            addRows<W>(s, now + STAGE, sum);
        }
    }
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float all = rowSum(total[i][half]);
            multiplyRow<W, DOWN>(sum, i, half, 1 / all);
            int r = row + rowOf(i, half);
            if (lse != nullptr && threadIdx.x % 4 == 0 && r < tile.end) {
                lse[(tile.own + r) * shape.heads + head] = largest[i][half] * LN2 + logf(all);
            }
        }
    }
    store<W>(sum, 1, results, tile.own, row, tile.end);
}

// Shared memory: the block's queries, and twice the keys and values of a stage.
#define ATTENTION(W, DOWN, KEYS)                                                                                                          \
    extern "C" __global__ void __launch_bounds__(THREADS) attentionHalf##W(                                                               \
        Reals q, Reals k, Reals v, Batch batch, Heads shape, float scale, float cap, Reals out, float* lse) {                             \
        DYNAMIC_SHARED(shared);                                                                                                           \
        attend<W, DOWN, KEYS>(                                                                                                            \
            q, k, v, batch, shape, Scores{scale * LOG2E, cap * LOG2E}, out, lse, reinterpret_cast<unsigned short*>(shared));              \
    }                                                                                                                                     \
    LAUNCHABLE(attentionHalf##W)

ATTENTION(32, 2, 64)
ATTENTION(64, 2, 64)
ATTENTION(80, 2, 64)
ATTENTION(96, 2, 32)
ATTENTION(128, 2, 32)
ATTENTION(256, 1, 32)
