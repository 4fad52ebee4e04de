#include "attention_tiles.cuh"

// The gradients of attention on BF16 tensors. With S, P = e^(S - lse) and delta = rowsum(dOut out):
//
//   q, dOut, dQ [N, heads, width]; k, v, dK, dV [M, kvHeads, width]; lse, delta [N, heads]
//
// out = P v with P = softmax(S): dV = P^T dOut and dP = dOut v^T, and the Jacobian of the softmax gives dS = P (dP - sum over keys of P dP).
// That sum is dOut (P v)^T = dOut out^T, delta, which needs no pass of its own over the keys. Under a cap dS is multiplied by 1 - (S / cap)^2.
// Then dQ = scale dS k and dK = scale dS^T q, keys and values being summed over all query heads that share them.
//
// P and dS are computed twice, once for rows of queries and once for rows of keys, so that each sum has one block and one order. They are fp32
// and rounded to BF16 to be multiplied. lse is given times log2(e), as scores are in powers of two.

// dQ. A block has some queries of a head and passes over the keys they see. A grid is tiles of queries x heads.
template <int W, int DOWN, int KEYS>
INLINE void gradientOfQueries(
    const Reals& dOut, const Reals& q, const Reals& k, const Reals& v, const float* lse, const float* delta, const Batch& batch,
    const Heads& shape, const Scores& scores, float scale, const Reals& dQ, unsigned short* shared) {
    const int ROWS = 16 * DOWN, QUERIES = WARPS * ROWS, OWN = QUERIES * (W + SPARE), STAGE = KEYS * (W + SPARE);
    Tile tile = batch.queries(blockIdx.x, QUERIES);
    if (tile.first >= tile.end) {
        return;
    }
    int head = blockIdx.y, group = head / shape.ofGroup(), warp = threadIdx.x / WARP;
    int row = tile.first + warp * ROWS;
    Head queries(q, shape.heads, head, shape.width), gradients(dOut, shape.heads, head, shape.width);
    Head keys(k, shape.kvHeads, group, shape.width), values(v, shape.kvHeads, group, shape.width);
    unsigned short* stages = shared + 2 * OWN;
    const unsigned short* own = shared + warp * ROWS * (W + SPARE);

    bring<W, QUERIES>(queries, tile.own, tile.first, tile.end, shared);
    bring<W, QUERIES>(gradients, tile.own, tile.first, tile.end, shared + OWN);
    float ownLse[DOWN][2], ownDelta[DOWN][2], sum[DOWN][W / 8][4] = {};
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int r = row + rowOf(i, half);
            int64 at = (tile.own + r) * shape.heads + head;
            ownLse[i][half] = r < tile.end ? lse[at] * LOG2E : 0;
            ownDelta[i][half] = r < tile.end ? delta[at] : 0;
        }
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
            float s[DOWN][KEYS / 8][4], dP[DOWN][KEYS / 8][4];
            multiplyRows<W>(own, now, s);
            toScores(scores, tile, row, key, s);
            if (scores.capped()) {
                forEach<DOWN, KEYS / 8>(
                    [&](int i, int j, int e) { s[i][j][e] = exp2f(s[i][j][e] - ownLse[i][e / 2]) * scores.slope(s[i][j][e]); });
            } else {
                forEach<DOWN, KEYS / 8>([&](int i, int j, int e) { s[i][j][e] = exp2f(s[i][j][e] - ownLse[i][e / 2]); });
            }
            multiplyRows<W>(own + OWN, now + STAGE, dP);
            forEach<DOWN, KEYS / 8>([&](int i, int j, int e) { s[i][j][e] *= dP[i][j][e] - ownDelta[i][e / 2]; });
            addRows<W>(s, now, sum);
        }
    }
    store<W>(sum, scale, Head(dQ, shape.heads, head, shape.width), tile.own, row, tile.end);
}

// What a thread brings of a tile's lse, times log2(e), and behind them its deltas.
template <int QUERIES>
INLINE float statistic(const Tile& tile, int query, int head, int64 heads, const float* lse, const float* delta) {
    int which = static_cast<int>(threadIdx.x) / QUERIES, r = query + static_cast<int>(threadIdx.x) % QUERIES;
    if (which > 1 || r >= tile.others) {
        return 0;
    }
    int64 at = (tile.other + r) * heads + head;
    return which == 0 ? lse[at] * LOG2E : delta[at];
}

// dK, dV or both. A block has some keys of a head and passes over the queries that see them, head by head of those that share the key's. All is
// transposed: P^T and dS^T have the keys as rows. A grid is tiles of keys x heads of keys.
template <int W, int DOWN, int QUERIES, bool ofKeys, bool ofValues>
INLINE void gradientOfKeys(
    const Reals& dOut, const Reals& q, const Reals& k, const Reals& v, const float* lse, const float* delta, const Batch& batch,
    const Heads& shape, const Scores& scores, float scale, const Reals& dK, const Reals& dV, unsigned short* shared) {
    const int ROWS = 16 * DOWN, KEYS = WARPS * ROWS, OWN = KEYS * (W + SPARE), STAGE = QUERIES * (W + SPARE);
    Tile tile = batch.keys(blockIdx.x, KEYS);
    if (tile.first >= tile.end) {
        return;
    }
    int group = blockIdx.y, warp = threadIdx.x / WARP;
    int row = tile.first + warp * ROWS;
    unsigned short* stages = shared + 2 * OWN;
    float* statistics = reinterpret_cast<float*>(stages + 4 * STAGE);  // [2 stages][2][QUERIES]
    const unsigned short* own = shared + warp * ROWS * (W + SPARE);

    int begin = tile.begin(), tiles = max(0, tile.stop() - begin + QUERIES - 1) / QUERIES, steps = tiles * shape.ofGroup();
    float sumK[DOWN][W / 8][4] = {}, sumV[DOWN][W / 8][4] = {};
    bring<W, KEYS>(Head(k, shape.kvHeads, group, shape.width), tile.own, tile.first, tile.end, shared);
    bring<W, KEYS>(Head(v, shape.kvHeads, group, shape.width), tile.own, tile.first, tile.end, shared + OWN);
    float brought = 0;
    for (int step = -1, stage = 1; step < steps; step++, stage ^= 1) {
        awaitCopies<0>();
        __syncthreads();  // this stage is there, and nobody reads the other one any more
        int next = step + 1;
        if (next < steps) {
            int head = group * shape.ofGroup() + next / tiles, query = begin + next % tiles * QUERIES;
            unsigned short* to = stages + (stage ^ 1) * 2 * STAGE;
            bring<W, QUERIES>(Head(q, shape.heads, head, shape.width), tile.other, query, tile.others, to);
            bring<W, QUERIES>(Head(dOut, shape.heads, head, shape.width), tile.other, query, tile.others, to + STAGE);
            endCopies();
            brought = statistic<QUERIES>(tile, query, head, shape.heads, lse, delta);
        }
        int query = begin + step % max(1, tiles) * QUERIES;
        if (step >= 0 && tile.sees(row, ROWS, query, QUERIES)) {
            const unsigned short* now = stages + stage * 2 * STAGE;
            const float *lses = statistics + stage * 2 * QUERIES + pairColumn(), *deltas = lses + QUERIES;
            float s[DOWN][QUERIES / 8][4], p[DOWN][QUERIES / 8][4];
            multiplyRows<W>(own, now, s);
            toScores(scores, tile, row, query, s);
            forEach<DOWN, QUERIES / 8>([&](int i, int j, int e) { p[i][j][e] = exp2f(s[i][j][e] - lses[8 * j + e % 2]); });
            if constexpr (ofValues) {
                addRows<W>(p, now + STAGE, sumV);
            }
            if constexpr (ofKeys) {
                if (scores.capped()) {
                    forEach<DOWN, QUERIES / 8>([&](int i, int j, int e) { p[i][j][e] *= scores.slope(s[i][j][e]); });
                }
                multiplyRows<W>(own + OWN, now + STAGE, s);
                forEach<DOWN, QUERIES / 8>([&](int i, int j, int e) { p[i][j][e] *= s[i][j][e] - deltas[8 * j + e % 2]; });
                addRows<W>(p, now, sumK);
            }
        }
        if (static_cast<int>(threadIdx.x) < 2 * QUERIES) {
            statistics[(stage ^ 1) * 2 * QUERIES + threadIdx.x] = brought;
        }
    }
    if constexpr (ofKeys) {
        store<W>(sumK, scale, Head(dK, shape.kvHeads, group, shape.width), tile.own, row, tile.end);
    }
    if constexpr (ofValues) {
        store<W>(sumV, 1, Head(dV, shape.kvHeads, group, shape.width), tile.own, row, tile.end);
    }
}

// Shared memory: the block's rows of both, and twice the other side's of a stage, for keys with their lse and delta.
#define PARAMETERS                                                                                                                         \
    Reals dOut, Reals q, Reals k, Reals v, const float *lse, const float *delta, Batch batch, Heads shape, float scale, float cap
#define GIVEN dOut, q, k, v, lse, delta, batch, shape, Scores{scale * LOG2E, cap * LOG2E}, scale

#define OF_QUERIES(W, DOWN, KEYS)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attentionHalfQueries##W(PARAMETERS, Reals dQ) {                              \
        DYNAMIC_SHARED(shared);                                                                                                           \
        gradientOfQueries<W, DOWN, KEYS>(GIVEN, dQ, reinterpret_cast<unsigned short*>(shared));                                           \
    }                                                                                                                                     \
    LAUNCHABLE(attentionHalfQueries##W)

OF_QUERIES(32, 1, 64)
OF_QUERIES(64, 1, 64)
OF_QUERIES(80, 1, 64)
OF_QUERIES(96, 1, 64)
OF_QUERIES(128, 1, 64)
OF_QUERIES(256, 1, 32)

#define OF_KEYS(W, DOWN, QUERIES)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attentionHalfKeys##W(PARAMETERS, Reals dK, Reals dV) {                       \
        DYNAMIC_SHARED(shared);                                                                                                           \
        gradientOfKeys<W, DOWN, QUERIES, true, true>(GIVEN, dK, dV, reinterpret_cast<unsigned short*>(shared));                           \
    }                                                                                                                                     \
    LAUNCHABLE(attentionHalfKeys##W)

OF_KEYS(32, 1, 64)
OF_KEYS(64, 1, 64)
OF_KEYS(80, 1, 64)
OF_KEYS(96, 1, 64)
OF_KEYS(128, 1, 32)

// Two such sums do not fit in a thread's registers, so that one block makes dK and another one dV.
extern "C" __global__ void __launch_bounds__(THREADS, 2) attentionHalfKeys256(PARAMETERS, Reals dK, Reals dV) {
    DYNAMIC_SHARED(shared);
    if (blockIdx.z == 0) {
        gradientOfKeys<256, 1, 32, true, false>(GIVEN, dK, dV, reinterpret_cast<unsigned short*>(shared));
    } else {
        gradientOfKeys<256, 1, 32, false, true>(GIVEN, dK, dV, reinterpret_cast<unsigned short*>(shared));
    }
}
LAUNCHABLE(attentionHalfKeys256)
