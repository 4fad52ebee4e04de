package dev.lowrank.engine.fuzz;

import java.util.List;
import java.util.random.RandomGenerator;

/** Decisions read from bytes, so that a fuzzer that changes the bytes changes the decisions; at the end all are zero. */
final class Choices {
    private final byte[] bytes;
    private int at;

    Choices(byte[] bytes, int from) {
        this.bytes = bytes;
        this.at = from;
    }

    static Choices random(RandomGenerator random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return new Choices(bytes, 0);
    }

    boolean ended() {
        return at >= bytes.length;
    }

    int next() {
        return ended() ? 0 : bytes[at++] & 0xff;
    }

    /** From 0 to {@code bound - 1}; two bytes where one cannot reach all. */
    int below(int bound) {
        if (bound <= 1) {
            return 0;
        }
        return bound <= 256 ? next() % bound : (next() << 8 | next()) % bound;
    }

    /** Happens once in so many times; never once the bytes are used up. */
    boolean oneIn(int times) {
        return !ended() && next() % times == 0;
    }

    long number() {
        long number = 0;
        for (int i = below(8); i >= 0; i--) {
            number = number << 8 | next();
        }
        return number;
    }

    <T> T of(List<T> list) {
        return list.get(below(list.size()));
    }

    /** Mostly printable, with some of the characters that readers get wrong. */
    String text() {
        StringBuilder text = new StringBuilder();
        for (int i = below(12); i > 0; i--) {
            int c = next();
            text.append(c < 0xe0 ? String.valueOf((char) (0x20 + c % 0x5f)) : ODD.get(c % ODD.size()));
        }
        return text.toString();
    }

    private static final List<String> ODD = List.of(
            "\0",
            "\n",
            "\u001b[31m",
            "\u0085",
            "\u00e9",
            "e\u0301",
            "\u200d",
            "\u202e",
            "\ud83d\udea2",
            "\ud83d",
            "\udea2",
            "\uffff",
            "\u3000",
            "\u00df",
            "\u0130",
            "\ufb01");
}
