// Operations that make elements out of elements at the same place.
#pragma once
#include "device.cuh"

// Calls f(x, y, i) for every i below n, with x the i-th elements of the tensors `in`, and stores what it leaves in y to those of `out`,
// four at a time where all of them are aligned. A tensor of `out` may be one of `in`.
template <int inputs, int outputs, class F>
INLINE void forEach(const Reals (&in)[inputs], const Reals (&out)[outputs], int64 n, F f) {
    bool aligned = true;
    for (int a = 0; a < inputs; a++) {
        aligned = aligned && in[a].aligned();
    }
    for (int a = 0; a < outputs; a++) {
        aligned = aligned && out[a].aligned();
    }
    int64 fours = aligned ? n / 4 : 0;
    for (int64 four = gridThread(); four < fours; four += gridThreads()) {
        float x[inputs][4], y[outputs][4];
#pragma unroll
        for (int a = 0; a < inputs; a++) {
            in[a].get4(4 * four, x[a]);
        }
#pragma unroll
        for (int e = 0; e < 4; e++) {
            float from[inputs], to[outputs];
#pragma unroll
            for (int a = 0; a < inputs; a++) {
                from[a] = x[a][e];
            }
            f(from, to, 4 * four + e);
#pragma unroll
            for (int a = 0; a < outputs; a++) {
                y[a][e] = to[a];
            }
        }
#pragma unroll
        for (int a = 0; a < outputs; a++) {
            out[a].set4(4 * four, y[a]);
        }
    }
    for (int64 i = 4 * fours + gridThread(); i < n; i += gridThreads()) {
        float from[inputs], to[outputs];
        for (int a = 0; a < inputs; a++) {
            from[a] = in[a].get(i);
        }
        f(from, to, i);
        for (int a = 0; a < outputs; a++) {
            out[a].set(i, to[a]);
        }
    }
}
