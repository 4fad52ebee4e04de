package dev.lowrank.engine.starter;

import dev.lowrank.engine.CounterRandom;
import java.util.List;

/** Choices that depend on a key alone, so that the same text comes out every time. */
final class Dice {
    private final long key;
    private long thrown;

    Dice(long key) {
        this.key = key;
    }

    int below(int bound) {
        return (int) (CounterRandom.uniform(key, thrown++) * bound);
    }

    <T> T pick(List<T> from) {
        return from.get(below(from.size()));
    }

    boolean chance(double probability) {
        return CounterRandom.uniform(key, thrown++) < probability;
    }
}
