package dev.lowrank.engine.train;

import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Rows put together into packs of at most a number of tokens: each row, in the order given, goes into the first pack with
 * room for it. A segment tree over the room left in each pack finds it in logarithmic time.
 */
final class Packs {
    private final int leaves;
    private final int[] room;

    private Packs(int rows, int capacity) {
        leaves = Math.max(1, Integer.highestOneBit(Math.max(1, rows - 1)) << 1);
        room = new int[2 * leaves];
        Arrays.fill(room, capacity);
    }

    /**
     * The packs in the order they were begun, each a list of row numbers in the order they came.
     *
     * @param tokens of a row; at most {@code capacity}
     */
    static List<int[]> firstFit(int[] order, IntUnaryOperator tokens, int capacity) {
        Packs packs = new Packs(order.length, capacity);
        int[] packOf = new int[order.length];
        int[] sizes = new int[order.length];
        int count = 0;
        for (int i = 0; i < order.length; i++) {
            int length = tokens.applyAsInt(order[i]);
            if (length > capacity) {
                throw new IllegalArgumentException(
                        "row %d has %d tokens, a pack %d".formatted(order[i], length, capacity));
            }
            packOf[i] = packs.take(length);
            sizes[packOf[i]]++;
            count = Math.max(count, packOf[i] + 1);
        }
        List<int[]> result =
                IntStream.range(0, count).mapToObj(pack -> new int[sizes[pack]]).toList();
        int[] filled = new int[count];
        for (int i = 0; i < order.length; i++) {
            result.get(packOf[i])[filled[packOf[i]]++] = order[i];
        }
        return result;
    }

    /** Takes room from the first pack that has it; packs not begun yet have all of theirs. */
    private int take(int length) {
        int node = 1;
        while (node < leaves) {
            node = room[2 * node] >= length ? 2 * node : 2 * node + 1;
        }
        int pack = node - leaves;
        room[node] -= length;
        for (node /= 2; node >= 1; node /= 2) {
            room[node] = Math.max(room[2 * node], room[2 * node + 1]);
        }
        return pack;
    }
}
