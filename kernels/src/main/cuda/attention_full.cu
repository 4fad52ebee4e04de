#include "sequences.cuh"

// Attention on tensors of any types, in fp32, and its gradients, which are derived in attention_half_backward.cu. With S = scale q k^T, or
// cap tanh(S / cap), over the keys that the query sees:
//
//   q, out, dOut, dQ [N, heads, width]; k, v, dK, dV [M, kvHeads, width]; lse, delta [N, heads]
//
// A block has 32 rows of a head, queries or keys, and passes over what they see, 32 rows at a time. Eight neighbouring threads share two rows: of
// their scores each thread has four columns, `part()` and every eighth from there, and of their sums every eighth four elements. So what
// scores become is written to shared memory and read back by the same warp. A tile of rows in shared memory is [32, stride], the stride a
// multiple of four with four elements to spare, so that the eight rows that are read together lie in different banks; what lies outside is zero.
const int THREADS = 128;
const int ROWS = 32;
const int DOWN = 2, ACROSS = 4;  // scores of a thread
const int FACTORS = ROWS + 4;    // stride of the tile of factors of the second product

INLINE int strideOf(int64 width) { return (static_cast<int>(width) + 3) / 4 * 4 + 4; }
INLINE int part() { return threadIdx.x % 8; }
INLINE int rowOf(int i) { return threadIdx.x / 8 * DOWN + i; }

// Whether any row of the warp sees any of the other side's rows from `column` on.
INLINE bool sees(const Tile& tile, int column) {
    const int EACH = WARP / 8 * DOWN;
    return tile.sees(tile.first + static_cast<int>(threadIdx.x) / WARP * EACH, EACH, column, ROWS);
}

// One head of a tensor [rows, heads * width].
struct Head {
    Reals data;
    int64 stride;
    int width;

    INLINE Head(const Reals& x, int64 heads, int head, int64 width)
        : data(x.from(head * width)), stride(heads * width), width(static_cast<int>(width)) {}
};

// Brings rows from `first` on of the sequence that begins at `start` to shared memory, those from `end` on as zeros.
INLINE void bring(const Head& from, int start, int first, int end, float* to) {
    int stride = strideOf(from.width);
    for (int r = threadIdx.x / WARP; r < ROWS; r += THREADS / WARP) {
        for (int c = threadIdx.x % WARP; c < stride; c += WARP) {
            bool inside = first + r < end && c < from.width;
            to[r * stride + c] = inside ? from.data.get((start + first + r) * from.stride + c) : 0;
        }
    }
}

INLINE float4 four(const float* from) { return *reinterpret_cast<const float4*>(from); }

// product = own other^T.
INLINE void multiplyRows(const float* own, const float* other, int stride, float (&product)[DOWN][ACROSS]) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int j = 0; j < ACROSS; j++) {
            product[i][j] = 0;
        }
    }
    for (int w = 0; w < stride - 4; w += 4) {
        float4 a[DOWN], b[ACROSS];
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
            a[i] = four(own + rowOf(i) * stride + w);
        }
#pragma unroll
        for (int j = 0; j < ACROSS; j++) {
            b[j] = four(other + (part() + 8 * j) * stride + w);
        }
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
                float& sum = product[i][j];
                sum = fmaf(a[i].w, b[j].w, fmaf(a[i].z, b[j].z, fmaf(a[i].y, b[j].y, fmaf(a[i].x, b[j].x, sum))));
            }
        }
    }
}

// sum += factor other, of which a thread has EACH times four elements of each row. The factor goes through a tile that the warp has to itself.
template <int EACH>
INLINE void addRows(const float (&factor)[DOWN][ACROSS], const float* other, int stride, float* factors, float (&sum)[DOWN][EACH][4]) {
    __syncwarp();  // what was written there before has been read
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
#pragma unroll
        for (int j = 0; j < ACROSS; j++) {
            factors[rowOf(i) * FACTORS + part() + 8 * j] = factor[i][j];
        }
    }
    __syncwarp();
    for (int r = 0; r < ROWS; r++) {
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            int c = 4 * (part() + 8 * e);
            if (c < stride) {
                float4 b = four(other + r * stride + c);
#pragma unroll
                for (int i = 0; i < DOWN; i++) {
                    float a = factors[rowOf(i) * FACTORS + r];
                    sum[i][e][0] = fmaf(a, b.x, sum[i][e][0]);
                    sum[i][e][1] = fmaf(a, b.y, sum[i][e][1]);
                    sum[i][e][2] = fmaf(a, b.z, sum[i][e][2]);
                    sum[i][e][3] = fmaf(a, b.w, sum[i][e][3]);
                }
            }
        }
    }
}

// Stores factor[i] times the rows of a sum.
template <int EACH>
INLINE void store(const float (&sum)[DOWN][EACH][4], const float (&factor)[DOWN], const Head& to, const Tile& tile) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
        int r = tile.first + rowOf(i);
#pragma unroll
        for (int e = 0; e < EACH; e++) {
#pragma unroll
            for (int n = 0; n < 4; n++) {
                int c = 4 * (part() + 8 * e) + n;
                if (r < tile.end && c < to.width) {
                    to.data.set((tile.own + r) * to.stride + c, factor[i] * sum[i][e][n]);
                }
            }
        }
    }
}

// Products with the other side's rows from `column` on become scores; what is not seen becomes -infinity.
INLINE void toScores(const Scores& scores, const Tile& tile, int column, float (&s)[DOWN][ACROSS]) {
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
        int first = tile.firstSeen(tile.first + rowOf(i)), last = tile.lastSeen(tile.first + rowOf(i));
#pragma unroll
        for (int j = 0; j < ACROSS; j++) {
            int c = column + part() + 8 * j;
            s[i][j] = c < first || c > last ? -INFINITY : scores.capped() ? scores.capped(s[i][j]) : scores.plain(s[i][j]);
        }
    }
}

// The largest of the values of the eight threads that share a row, or their sum.
INLINE float rowMax(float value) {
    for (int distance = 1; distance < 8; distance *= 2) {
        value = fmaxf(value, __shfl_xor_sync(WHOLE_WARP, value, distance));
    }
    return value;
}

INLINE float rowSum(float value) {
    for (int distance = 1; distance < 8; distance *= 2) {
        value += __shfl_xor_sync(WHOLE_WARP, value, distance);
    }
    return value;
}

// out = softmax(S) v, lse = log(sum of e^S) or null. The largest score so far is kept, and what was summed is multiplied where it rises.
// Shared memory: queries, keys, values, factors. A grid is tiles of queries x heads.
template <int EACH>
INLINE void attend(
    const Reals& q, const Reals& k, const Reals& v, const Batch& batch, const Heads& shape, const Scores& scores, const Reals& out, float* lse,
    float* shared) {
    Tile tile = batch.queries(blockIdx.x, ROWS);
    if (tile.first >= tile.end) {
        return;
    }
    int head = blockIdx.y, group = head / shape.ofGroup(), stride = strideOf(shape.width);
    Head keys(k, shape.kvHeads, group, shape.width), values(v, shape.kvHeads, group, shape.width);
    float *own = shared, *key = own + ROWS * stride, *value = key + ROWS * stride, *factors = value + ROWS * stride;
    bring(Head(q, shape.heads, head, shape.width), tile.own, tile.first, tile.end, own);
    float largest[DOWN], total[DOWN] = {}, sum[DOWN][EACH][4] = {};
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
        largest[i] = -INFINITY;
    }
    for (int j0 = tile.begin(); j0 < tile.stop(); j0 += ROWS) {
        __syncthreads();
        bring(keys, tile.other, j0, tile.others, key);
        bring(values, tile.other, j0, tile.others, value);
        __syncthreads();
        if (!sees(tile, j0)) {
            continue;
        }
        float s[DOWN][ACROSS];
        multiplyRows(own, key, stride, s);
        toScores(scores, tile, j0, s);
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
            float most = largest[i];
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
                most = fmaxf(most, s[i][j]);
            }
            most = rowMax(most);
            float base = most == -INFINITY ? 0 : most;  // where nothing has been seen yet
            float less = expf(largest[i] - base);
            largest[i] = most;
            total[i] *= less;
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
                s[i][j] = expf(s[i][j] - base);
                total[i] += s[i][j];
            }
#pragma unroll
            for (int e = 0; e < EACH; e++) {
#pragma unroll
                for (int n = 0; n < 4; n++) {
                    sum[i][e][n] *= less;
                }
            }
        }
        addRows(s, value, stride, factors, sum);
    }
    float factor[DOWN];
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
        float all = rowSum(total[i]);
        factor[i] = 1 / all;
        int r = tile.first + rowOf(i);
        if (lse != nullptr && part() == 0 && r < tile.end) {
            lse[(tile.own + r) * shape.heads + head] = largest[i] + logf(all);
        }
    }
    store(sum, factor, Head(out, shape.heads, head, shape.width), tile);
}

// dQ. Shared memory: queries, their gradients, keys, values, factors. A grid is tiles of queries x heads.
template <int EACH>
INLINE void gradientOfQueries(
    const Reals& dOut, const Reals& q, const Reals& k, const Reals& v, const float* lse, const float* delta, const Batch& batch,
    const Heads& shape, const Scores& scores, const Reals& dQ, float* shared) {
    Tile tile = batch.queries(blockIdx.x, ROWS);
    if (tile.first >= tile.end) {
        return;
    }
    int head = blockIdx.y, group = head / shape.ofGroup(), stride = strideOf(shape.width);
    Head keys(k, shape.kvHeads, group, shape.width), values(v, shape.kvHeads, group, shape.width);
    float *own = shared, *gradient = own + ROWS * stride, *key = gradient + ROWS * stride, *value = key + ROWS * stride;
    float* factors = value + ROWS * stride;
    bring(Head(q, shape.heads, head, shape.width), tile.own, tile.first, tile.end, own);
    bring(Head(dOut, shape.heads, head, shape.width), tile.own, tile.first, tile.end, gradient);
    float ownLse[DOWN], ownDelta[DOWN], sum[DOWN][EACH][4] = {};
#pragma unroll
    for (int i = 0; i < DOWN; i++) {
        int r = tile.first + rowOf(i);
        int64 at = (tile.own + r) * shape.heads + head;
        ownLse[i] = r < tile.end ? lse[at] : 0;
        ownDelta[i] = r < tile.end ? delta[at] : 0;
    }
    for (int j0 = tile.begin(); j0 < tile.stop(); j0 += ROWS) {
        __syncthreads();
        bring(keys, tile.other, j0, tile.others, key);
        bring(values, tile.other, j0, tile.others, value);
        __syncthreads();
        if (!sees(tile, j0)) {
            continue;
        }
        float s[DOWN][ACROSS], dS[DOWN][ACROSS];
        multiplyRows(own, key, stride, s);
        multiplyRows(gradient, value, stride, dS);
        toScores(scores, tile, j0, s);
#pragma unroll
        for (int i = 0; i < DOWN; i++) {
#pragma unroll
            for (int j = 0; j < ACROSS; j++) {
                dS[i][j] = expf(s[i][j] - ownLse[i]) * (dS[i][j] - ownDelta[i]) * (scores.capped() ? scores.slope(s[i][j]) : 1);
            }
        }
        addRows(dS, key, stride, factors, sum);
    }
    const float factor[DOWN] = {scores.scale, scores.scale};
    store(sum, factor, Head(dQ, shape.heads, head, shape.width), tile);
}

// dK and dV, over the queries that see the keys, head by head of those that share the key's. All is transposed: P^T and dS^T have the keys as
// rows. Shared memory: keys, values, queries, their gradients, factors, lse and delta of the queries. A grid is tiles of keys x heads of keys.
template <int EACH>
INLINE void gradientOfKeys(
    const Reals& dOut, const Reals& q, const Reals& k, const Reals& v, const float* lse, const float* delta, const Batch& batch,
    const Heads& shape, const Scores& scores, const Reals& dK, const Reals& dV, float* shared) {
    Tile tile = batch.keys(blockIdx.x, ROWS);
    if (tile.first >= tile.end) {
        return;
    }
    int group = blockIdx.y, stride = strideOf(shape.width);
    float *key = shared, *value = key + ROWS * stride, *query = value + ROWS * stride, *gradient = query + ROWS * stride;
    float *factors = gradient + ROWS * stride, *lses = factors + ROWS * FACTORS, *deltas = lses + ROWS;
    bring(Head(k, shape.kvHeads, group, shape.width), tile.own, tile.first, tile.end, key);
    bring(Head(v, shape.kvHeads, group, shape.width), tile.own, tile.first, tile.end, value);
    float sumK[DOWN][EACH][4] = {}, sumV[DOWN][EACH][4] = {};
    for (int head = group * shape.ofGroup(); head < (group + 1) * shape.ofGroup(); head++) {
        Head queries(q, shape.heads, head, shape.width), gradients(dOut, shape.heads, head, shape.width);
        for (int i0 = tile.begin(); i0 < tile.stop(); i0 += ROWS) {
            __syncthreads();
            bring(queries, tile.other, i0, tile.others, query);
            bring(gradients, tile.other, i0, tile.others, gradient);
            if (threadIdx.x < ROWS) {
                int r = i0 + threadIdx.x;
                int64 at = (tile.other + r) * shape.heads + head;
                lses[threadIdx.x] = r < tile.others ? lse[at] : 0;
                deltas[threadIdx.x] = r < tile.others ? delta[at] : 0;
            }
            __syncthreads();
            if (!sees(tile, i0)) {
                continue;
            }
            float s[DOWN][ACROSS], p[DOWN][ACROSS], dS[DOWN][ACROSS];
            multiplyRows(key, query, stride, s);
            multiplyRows(value, gradient, stride, dS);
            toScores(scores, tile, i0, s);
#pragma unroll
            for (int i = 0; i < DOWN; i++) {
#pragma unroll
                for (int j = 0; j < ACROSS; j++) {
                    int c = part() + 8 * j;
                    p[i][j] = expf(s[i][j] - lses[c]);
                    dS[i][j] = p[i][j] * (dS[i][j] - deltas[c]) * (scores.capped() ? scores.slope(s[i][j]) : 1);
                }
            }
            addRows(p, gradient, stride, factors, sumV);
            addRows(dS, query, stride, factors, sumK);
        }
    }
    const float scale[DOWN] = {scores.scale, scores.scale}, one[DOWN] = {1, 1};
    store(sumK, scale, Head(dK, shape.kvHeads, group, shape.width), tile);
    store(sumV, one, Head(dV, shape.kvHeads, group, shape.width), tile);
}

#define ATTENTION(W)                                                                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attentionFull##W(                                                               \
        Reals q, Reals k, Reals v, Batch batch, Heads shape, float scale, float cap, Reals out, float* lse) {                             \
        DYNAMIC_SHARED(shared);                                                                                                           \
        attend<W / 32>(q, k, v, batch, shape, Scores{scale, cap}, out, lse, reinterpret_cast<float*>(shared));                            \
    }                                                                                                                                     \
    LAUNCHABLE(attentionFull##W)                                                                                                          \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attentionFullQueries##W(                                                        \
        Reals dOut, Reals q, Reals k, Reals v, const float* lse, const float* delta, Batch batch, Heads shape, float scale, float cap,    \
        Reals dQ) {                                                                                                                       \
        DYNAMIC_SHARED(shared);                                                                                                           \
        gradientOfQueries<W / 32>(                                                                                                        \
            dOut, q, k, v, lse, delta, batch, shape, Scores{scale, cap}, dQ, reinterpret_cast<float*>(shared));                           \
    }                                                                                                                                     \
    LAUNCHABLE(attentionFullQueries##W)                                                                                                   \
    extern "C" __global__ void __launch_bounds__(THREADS, 2) attentionFullKeys##W(                                                           \
        Reals dOut, Reals q, Reals k, Reals v, const float* lse, const float* delta, Batch batch, Heads shape, float scale, float cap,    \
        Reals dK, Reals dV) {                                                                                                             \
        DYNAMIC_SHARED(shared);                                                                                                           \
        gradientOfKeys<W / 32>(                                                                                                           \
            dOut, q, k, v, lse, delta, batch, shape, Scores{scale, cap}, dK, dV, reinterpret_cast<float*>(shared));                       \
    }                                                                                                                                     \
    LAUNCHABLE(attentionFullKeys##W)

ATTENTION(64)
ATTENTION(128)
ATTENTION(256)
