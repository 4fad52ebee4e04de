#include "sequences.cuh"

// Attention on tensors of any type, in fp32, without tiles: what attention_half.cu is too narrow for. A warp has a query and a head, or a
// key and a head of the keys. With S = scale q k^T, or cap tanh(S / cap), over the keys that the query sees:
//
//   q, out, dOut, dQ [N, heads, width]; k, v, dK, dV [M, kvHeads, width]; lse, delta [N, heads]
//
// A lane holds the elements lane, lane + 32, ... of a head.
const int MOST = 16;  // elements of a head in a lane: heads of up to 512

struct Heads {
    int64 heads, kvHeads, width;
};

INLINE int64 place(int row, int head, int64 heads, int64 width) { return (row * heads + head) * width; }

INLINE void readHead(const Reals& x, int64 at, int width, float (&v)[MOST]) {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int e = 0; e < MOST; e++) {
        int i = lane + WARP * e;
        v[e] = i < width ? x.get(at + i) : 0;
    }
}

INLINE void writeHead(const Reals& x, int64 at, int width, const float (&v)[MOST], float factor) {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int e = 0; e < MOST; e++) {
        int i = lane + WARP * e;
        if (i < width) {
            x.set(at + i, v[e] * factor);
        }
    }
}

// The product of what the warp holds with a head in memory, the same in all lanes.
INLINE float dot(const float (&a)[MOST], const Reals& x, int64 at, int width) {
    int lane = threadIdx.x % WARP;
    float sum = 0;
#pragma unroll
    for (int e = 0; e < MOST; e++) {
        int i = lane + WARP * e;
        if (i < width) {
            sum = fmaf(a[e], x.get(at + i), sum);
        }
    }
    return warpSum(sum);
}

// sum += factor x.
INLINE void addHead(float (&sum)[MOST], const Reals& x, int64 at, int width, float factor) {
    int lane = threadIdx.x % WARP;
#pragma unroll
    for (int e = 0; e < MOST; e++) {
        int i = lane + WARP * e;
        if (i < width) {
            sum[e] = fmaf(factor, x.get(at + i), sum[e]);
        }
    }
}

INLINE float capped(float score, float cap) { return cap > 0 ? cap * tanhf(score / cap) : score; }

// out = softmax(S) v, lse = log(sum of e^S) or null. The largest score so far is kept, and what was summed is multiplied where it rises.
extern "C" __global__ void attentionFull(
    Reals q, Reals k, Reals v, Batch batch, Heads shape, float scale, float cap, Reals out, float* lse, int rows) {
    int heads = static_cast<int>(shape.heads), width = static_cast<int>(shape.width);
    for (int64 job = gridThread() / WARP; job < static_cast<int64>(rows) * heads; job += gridThreads() / WARP) {
        int n = static_cast<int>(job / heads), head = static_cast<int>(job % heads);
        int group = head / static_cast<int>(shape.heads / shape.kvHeads);
        int s = batch.sequenceOf(batch.queryStarts, n), i = n - batch.queryStarts[s];
        float query[MOST], sum[MOST] = {};
        readHead(q, place(n, head, heads, width), width, query);
        float largest = -INFINITY, total = 0;
        for (int j = batch.firstKey(s, i); j <= batch.lastKey(s, i); j++) {
            int64 at = place(batch.keyStarts[s] + j, group, shape.kvHeads, width);
            float score = capped(scale * dot(query, k, at, width), cap);
            if (score > largest) {
                float less = expf(largest - score);
                total *= less;
#pragma unroll
                for (int e = 0; e < MOST; e++) {
                    sum[e] *= less;
                }
                largest = score;
            }
            float p = expf(score - largest);
            total += p;
            addHead(sum, v, at, width, p);
        }
        writeHead(out, place(n, head, heads, width), width, sum, 1 / total);
        if (lse != nullptr && threadIdx.x % WARP == 0) {
            lse[job] = largest + logf(total);
        }
    }
}
LAUNCHABLE(attentionFull)

// delta = rowsum(dOut out) and dQ = scale dS K, with P = e^(S - lse) and dS = P (dOut V^T - delta), times 1 - (S / cap)^2 under a cap.
//
// out = P v with P = softmax(S): dP = dOut v^T, and the Jacobian of the softmax gives dS = P (dP - sum over keys of P dP). That sum is
// dOut (P v)^T = dOut out^T, delta, which needs no pass of its own over the keys.
extern "C" __global__ void attentionFullQueries(
    Reals dOut, Reals q, Reals k, Reals v, Reals out, const float* lse, Batch batch, Heads shape, float scale, float cap, float* delta, Reals dQ,
    int rows) {
    int heads = static_cast<int>(shape.heads), width = static_cast<int>(shape.width);
    for (int64 job = gridThread() / WARP; job < static_cast<int64>(rows) * heads; job += gridThreads() / WARP) {
        int n = static_cast<int>(job / heads), head = static_cast<int>(job % heads);
        int group = head / static_cast<int>(shape.heads / shape.kvHeads);
        int s = batch.sequenceOf(batch.queryStarts, n), i = n - batch.queryStarts[s];
        int64 own = place(n, head, heads, width);
        float query[MOST], gradient[MOST], sum[MOST] = {};
        readHead(q, own, width, query);
        readHead(dOut, own, width, gradient);
        float less = dot(gradient, out, own, width);
        if (threadIdx.x % WARP == 0) {
            delta[job] = less;
        }
        for (int j = batch.firstKey(s, i); j <= batch.lastKey(s, i); j++) {
            int64 at = place(batch.keyStarts[s] + j, group, shape.kvHeads, width);
            float score = capped(scale * dot(query, k, at, width), cap);
            float dS = expf(score - lse[job]) * (dot(gradient, v, at, width) - less);
            addHead(sum, k, at, width, cap > 0 ? dS * (1 - score / cap * (score / cap)) : dS);
        }
        writeHead(dQ, own, width, sum, scale);
    }
}
LAUNCHABLE(attentionFullQueries)

// dV = P^T dOut and dK = scale dS^T Q, over the queries that see the key, of all query heads that share its head; zero where none does.
extern "C" __global__ void attentionFullKeys(
    Reals dOut, Reals q, Reals k, Reals v, const float* lse, const float* delta, Batch batch, Heads shape, float scale, float cap, Reals dK,
    Reals dV, int rows) {
    int heads = static_cast<int>(shape.heads), groups = static_cast<int>(shape.kvHeads), width = static_cast<int>(shape.width);
    for (int64 job = gridThread() / WARP; job < static_cast<int64>(rows) * groups; job += gridThreads() / WARP) {
        int m = static_cast<int>(job / groups), group = static_cast<int>(job % groups);
        int s = batch.sequenceOf(batch.keyStarts, m), j = m - batch.keyStarts[s];
        int64 own = place(m, group, groups, width);
        float key[MOST], value[MOST], sumK[MOST] = {}, sumV[MOST] = {};
        readHead(k, own, width, key);
        readHead(v, own, width, value);
        for (int head = group * (heads / groups); head < (group + 1) * (heads / groups); head++) {
            for (int i = batch.firstQuery(s, j); i <= batch.lastQuery(s, j); i++) {
                int n = batch.queryStarts[s] + i;
                int64 at = place(n, head, heads, width);
                float score = capped(scale * dot(key, q, at, width), cap);
                float p = expf(score - lse[static_cast<int64>(n) * heads + head]);
                float dS = p * (dot(value, dOut, at, width) - delta[static_cast<int64>(n) * heads + head]);
                addHead(sumV, dOut, at, width, p);
                addHead(sumK, q, at, width, cap > 0 ? dS * (1 - score / cap * (score / cap)) : dS);
            }
        }
        writeHead(dK, own, width, sumK, scale);
        writeHead(dV, own, width, sumV, 1);
    }
}
LAUNCHABLE(attentionFullKeys)
