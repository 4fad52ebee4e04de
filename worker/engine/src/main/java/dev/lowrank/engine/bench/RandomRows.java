package dev.lowrank.engine.bench;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import java.util.stream.IntStream;

/** Rows of random tokens of equal length, all of which are to be learnt. */
final class RandomRows {
    private RandomRows() {}

    static Dataset draw(int rows, int length, int vocabulary, long seed) {
        return Dataset.of(IntStream.range(0, rows)
                .mapToObj(row -> row(length, vocabulary, CounterRandom.key(seed, row)))
                .toList());
    }

    private static Example row(int length, int vocabulary, long key) {
        int[] ids = IntStream.range(0, length)
                .map(at -> (int) (vocabulary * CounterRandom.uniform(key, at)))
                .toArray();
        return new Example(ids, ids);
    }
}
