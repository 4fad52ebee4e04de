package dev.lowrank.engine.data;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream into lines at line feeds. Never holds more than one line, and of a line that is too long only as much as
 * is allowed.
 */
final class JsonLines implements RowSource {
    private static final int CHUNK = 1 << 16;

    private final InputStream in;
    private final int longest;
    private final byte[] chunk = new byte[CHUNK];
    private int at;
    private int end;
    private byte[] line = new byte[CHUNK];
    private byte @Nullable [] current;
    private long number;

    /** @param longest the most bytes of a line */
    JsonLines(InputStream in, int longest) {
        this.in = in;
        this.longest = longest;
    }

    @Override
    public FileKind kind() {
        return FileKind.JSON_LINES;
    }

    @Override
    public @Nullable RawRow next() throws IOException {
        while (advance()) {
            byte[] bytes = current;
            if (bytes == null) {
                return RawRow.broken(
                        number, "The line is longer than %d bytes; shorten or split the row.".formatted(longest));
            }
            if (!isBlank(bytes)) {
                boolean first = number == 1;
                return new RawRow(number, () -> JsonText.line(bytes, first));
            }
        }
        return null;
    }

    private static boolean isBlank(byte[] bytes) {
        for (byte b : bytes) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }

    @Override
    public long lines() {
        return number;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }

    /** Reads a line without its end into {@link #current}: null if it is longer than allowed. */
    private boolean advance() throws IOException {
        if (at == end && !fill()) {
            return false;
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
        current = tooLong ? null : Arrays.copyOf(line, length);
        return true;
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
