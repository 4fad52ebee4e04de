package dev.lowrank.engine.model;

import java.util.List;

/**
 * Sequences standing one after another without padding. What padding a row to the right would compute, this computes
 * without the padding; no sequence sees another.
 *
 * @param ids [N]
 * @param starts first row of each sequence, and N as the last element
 */
public record TokenBatch(int[] ids, int[] starts) {
    /** Rows of a micro-batch. */
    public static TokenBatch of(List<int[]> rows) {
        int[] starts = new int[rows.size() + 1];
        for (int s = 0; s < rows.size(); s++) {
            starts[s + 1] = Math.addExact(starts[s], rows.get(s).length);
        }
        int[] ids = new int[starts[rows.size()]];
        for (int s = 0; s < rows.size(); s++) {
            System.arraycopy(rows.get(s), 0, ids, starts[s], rows.get(s).length);
        }
        return new TokenBatch(ids, starts);
    }

    public int sequences() {
        return starts.length - 1;
    }

    /** Tokens of the longest sequence. */
    public int longest() {
        int longest = 0;
        for (int s = 0; s < sequences(); s++) {
            longest = Math.max(longest, starts[s + 1] - starts[s]);
        }
        return longest;
    }

    /**
     * Positions of all rows, counted in each sequence from {@code first} on; with {@code extra} rows more in front of
     * each sequence.
     */
    int[] positions(int first, int extra) {
        int[] positions = new int[ids.length + sequences() * extra];
        int at = 0;
        for (int s = 0; s < sequences(); s++) {
            int rows = starts[s + 1] - starts[s] + extra;
            for (int i = 0; i < rows; i++) {
                positions[at++] = first + i;
            }
        }
        return positions;
    }

    /** Starts with {@code extra} rows more in front of each sequence. */
    int[] starts(int extra) {
        int[] moved = starts.clone();
        for (int s = 0; s < moved.length; s++) {
            moved[s] += s * extra;
        }
        return moved;
    }
}
