// Where sequences of a batch begin, how blocks share their rows, and what a row sees: see Sequences and AttentionShape.
#pragma once
#include "device.cuh"

// A block's rows of one sequence, queries or keys, and what they see of the other side, keys or queries. Rows are counted in the sequence.
struct Tile {
    int own, other;   // where the sequence begins in the tensors, on either side
    int first, end;   // the block's rows; none if the first is not below the end
    int others;       // rows of the other side
    int low, high;    // row i sees i + low to i + high, as far as there are any

    INLINE int firstSeen(int row) const { return max(0, row + low); }
    INLINE int lastSeen(int row) const { return min(others - 1, row + high); }

    // What any of the block's rows sees.
    INLINE int begin() const { return firstSeen(first); }
    INLINE int stop() const { return lastSeen(end - 1) + 1; }

    // Whether any of `rows` rows from `row` on sees any of `columns` of the other side from `column` on.
    INLINE bool sees(int row, int rows, int column, int columns) const {
        return row < end && column <= lastSeen(min(row + rows, end) - 1) && column + columns > firstSeen(row);
    }

    // Whether all of them see all.
    INLINE bool seesAll(int row, int rows, int column, int columns) const {
        return column >= firstSeen(row + rows - 1) && column + columns - 1 <= lastSeen(row);
    }
};

struct Batch {
    const int* queryStarts;  // [count + 1]
    const int* keyStarts;    // [count + 1]
    int64 count;
    int64 window;  // positions a query sees, its own included; 0 for every earlier one

    INLINE Tile queries(int block, int size) const { return tile(queryStarts, keyStarts, block, size, true); }
    INLINE Tile keys(int block, int size) const { return tile(keyStarts, queryStarts, block, size, false); }

    // The rows of a block of a grid of rows / size + count blocks. Of these sequence s has the blocks from starts[s] / size + s on: they reach
    // to those of the next one, as ceil(n / size) <= (a + n) / size - a / size + 1, and what is too many has no rows. The last queries see
    // the most keys, and so come first.
    INLINE Tile tile(const int* starts, const int* otherStarts, int block, int size, bool queries) const {
        int s = 0, high = static_cast<int>(count) - 1;
        while (s < high) {
            int middle = (s + high + 1) / 2;
            if (starts[middle] / size + middle <= block) {
                s = middle;
            } else {
                high = middle - 1;
            }
        }
        int rows = starts[s + 1] - starts[s], others = otherStarts[s + 1] - otherStarts[s];
        int which = block - starts[s] / size - s;
        int first = (queries ? (rows + size - 1) / size - 1 - which : which) * size;
        int before = queries ? others - rows : rows - others;  // keys before the first query's own
        int far = static_cast<int>(window == 0 ? MOST : min(window, MOST)) - 1;
        Tile tile;
        tile.own = starts[s];
        tile.other = otherStarts[s];
        tile.first = first;
        tile.end = first < 0 ? first : min(first + size, rows);
        tile.others = others;
        tile.low = queries ? before - far : -before;
        tile.high = queries ? before : far - before;
        return tile;
    }

    static const int64 MOST = 1 << 30;
};

struct Heads {
    int64 heads, kvHeads, width;

    INLINE int ofGroup() const { return static_cast<int>(heads / kvHeads); }
};

// A score is scale q k^T, or cap tanh(scale q k^T / cap). Given both times log2(e), it is in powers of two.
struct Scores {
    float scale, cap;

    INLINE bool capped() const { return cap > 0; }
    INLINE float plain(float product) const { return scale * product; }
    INLINE float capped(float product) const { return cap * tanhf(scale * product / cap); }

    // What a capped score gains where scale q k^T gains; 0 for one that is masked.
    INLINE float slope(float score) const {
        float part = fmaxf(score / cap, -1);
        return 1 - part * part;
    }
};
