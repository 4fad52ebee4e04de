package dev.lowrank.engine.data;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream into lines at line feeds. Never holds more than one line, and of a line that is too long only as much as
 * is allowed.
 */
final class JsonLines {
    private static final int CHUNK = 1 << 16;

    private final InputStream in;
    private final int longest;
    private final byte[] chunk = new byte[CHUNK];
    private int at;
    private int end;
    private byte[] line = new byte[CHUNK];
    private long number;

    /** @param longest the most bytes of a line */
    JsonLines(InputStream in, int longest) {
        this.in = in;
        this.longest = longest;
    }

    /**
     * A line without its end.
     *
     * @param number counted from 1
     * @param bytes its bytes, or null if there are more than allowed
     */
    record Line(long number, byte @Nullable [] bytes) {
        boolean isBlank() {
            if (bytes != null) {
                for (byte b : bytes) {
                    if (b != ' ' && b != '\t' && b != '\r') {
                        return false;
                    }
                }
            }
            return bytes != null;
        }
    }

    /** The next line that is not blank, or null at the end. */
    @Nullable
    Line next() throws IOException {
        Line next = read();
        while (next != null && next.isBlank()) {
            next = read();
        }
        return next;
    }

    /** The number of the last line read. */
    long lines() {
        return number;
    }

    private @Nullable Line read() throws IOException {
        if (at == end && !fill()) {
            return null;
        }
        number++;
        int length = 0;
        boolean tooLong = false;
        do {
            int stop = indexOfLineFeed();
            int count = stop - at;
            if (tooLong || count > longest - length) {
                tooLong = true;
            } else {
                append(length, count);
                length += count;
            }
            at = stop;
            if (at < end) {
                at++;
                break;
            }
        } while (fill());
        return new Line(number, tooLong ? null : Arrays.copyOf(line, length));
    }

    private int indexOfLineFeed() {
        for (int i = at; i < end; i++) {
            if (chunk[i] == '\n') {
                return i;
            }
        }
        return end;
    }

    private void append(int length, int count) {
        if (line.length < length + count) {
            line = Arrays.copyOf(line, (int) Math.min(longest, Math.max(2L * line.length, length + count)));
        }
        System.arraycopy(chunk, at, line, length, count);
    }

    private boolean fill() throws IOException {
        at = 0;
        end = Math.max(0, in.read(chunk));
        return end > 0;
    }
}
