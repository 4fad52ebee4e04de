package dev.lowrank.engine.fuzz;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/** Damages bytes: other bits, other numbers of one to eight bytes, pieces lost, repeated or moved. */
final class ByteEdits {
    private static final List<Long> NUMBERS = List.of(
            0L,
            1L,
            2L,
            -1L,
            127L,
            128L,
            255L,
            65535L,
            65536L,
            (long) Integer.MAX_VALUE,
            1L << 31,
            0xffff_ffffL,
            1L << 32,
            1L << 40,
            1L << 62,
            Long.MAX_VALUE,
            Long.MIN_VALUE);

    private ByteEdits() {}

    static byte[] edit(byte[] original, Choices choices) {
        byte[] bytes = original.clone();
        for (int changes = 1 + choices.below(4); changes > 0 && bytes.length > 8; changes--) {
            int at = choices.below(bytes.length);
            switch (choices.below(7)) {
                case 0 -> bytes[at] ^= (byte) (1 << choices.below(8));
                case 1 -> bytes[at] = (byte) choices.next();
                case 2 -> put(bytes, at, choices.of(NUMBERS), choices.of(List.of(1, 2, 4, 8)));
                case 3 -> bytes = Arrays.copyOf(bytes, at);
                case 4 -> bytes = moved(bytes, at, choices.below(bytes.length), choices.below(64));
                case 5 -> bytes = without(bytes, at, 1 + choices.below(16));
                default -> put(bytes, at, choices.number(), choices.of(List.of(1, 2, 4, 8)));
            }
        }
        return bytes;
    }

    private static void put(byte[] bytes, int at, long number, int width) {
        byte[] value = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(number)
                .array();
        System.arraycopy(value, 0, bytes, at, Math.min(width, bytes.length - at));
    }

    private static byte[] moved(byte[] bytes, int from, int to, int length) {
        System.arraycopy(bytes, from, bytes, to, Math.min(length, bytes.length - Math.max(from, to)));
        return bytes;
    }

    private static byte[] without(byte[] bytes, int from, int length) {
        int rest = Math.max(0, bytes.length - from - length);
        byte[] shorter = Arrays.copyOf(bytes, from + rest);
        System.arraycopy(bytes, bytes.length - rest, shorter, from, rest);
        return shorter;
    }
}
