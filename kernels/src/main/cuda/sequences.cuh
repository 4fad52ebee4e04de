// Where sequences of a batch begin, and what a query sees: see Sequences and AttentionShape.
#pragma once
#include "device.cuh"

struct Batch {
    const int* queryStarts;  // [count + 1]
    const int* keyStarts;    // [count + 1]
    int64 count;
    int64 window;  // positions a query sees, its own included; 0 for every earlier one

    // The sequence that holds a row, given where they start.
    INLINE int sequenceOf(const int* starts, int row) const {
        int low = 0, high = static_cast<int>(count) - 1;
        while (low < high) {
            int middle = (low + high + 1) / 2;
            if (starts[middle] <= row) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    INLINE int queries(int s) const { return queryStarts[s + 1] - queryStarts[s]; }
    INLINE int keys(int s) const { return keyStarts[s + 1] - keyStarts[s]; }

    // The first and the last key of sequence s that its query i sees, counted in the sequence.
    INLINE int firstKey(int s, int i) const { return window == 0 ? 0 : max(0, lastKey(s, i) - static_cast<int>(window) + 1); }
    INLINE int lastKey(int s, int i) const { return keys(s) - queries(s) + i; }

    // The first and the last query of sequence s that sees its key j; none does if the first is the greater one.
    INLINE int firstQuery(int s, int j) const { return max(0, j - (keys(s) - queries(s))); }
    INLINE int lastQuery(int s, int j) const {
        int last = queries(s) - 1;
        return window == 0 ? last : min(last, j - (keys(s) - queries(s)) + static_cast<int>(window) - 1);
    }
};
