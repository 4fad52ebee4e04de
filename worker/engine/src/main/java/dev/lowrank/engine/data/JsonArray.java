package dev.lowrank.engine.data;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a JSON array into its elements, without understanding them: only brackets and strings are followed. Never holds
 * more than one element, and of one that is too long only as much as is allowed.
 */
final class JsonArray implements RowSource {
    private static final int CHUNK = 1 << 16;

    private enum Place {
        START,
        ELEMENT,
        END
    }

    private final InputStream in;
    private final int longest;
    private final byte[] chunk = new byte[CHUNK];
    private int at;
    private int end;
    private byte[] element = new byte[CHUNK];
    private int length;
    private long line = 1;
    private Place place = Place.START;

    /**
     * An array.
     *
     * @param in begins with the array's bracket, white space and a byte order mark before it aside
     * @param longest the most bytes of an element
     */
    JsonArray(InputStream in, int longest) {
        this.in = in;
        this.longest = longest;
    }

    @Override
    public FileKind kind() {
        return FileKind.JSON_ARRAY;
    }

    @Override
    public long lines() {
        return line;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }

    @Override
    public @Nullable RawRow next() throws IOException {
        boolean first = place == Place.START;
        if (first) {
            int c = read();
            while (c >= 0 && c != '[') {
                c = read();
            }
            place = Place.ELEMENT;
        }
        return place == Place.END ? null : element(first);
    }

    private @Nullable RawRow element(boolean first) throws IOException {
        int c = readPastSpace();
        long from = line;
        if (c == ']' && first) {
            return afterEnd();
        }
        if (c == ',' || c == ']') {
            place = c == ']' ? Place.END : place;
            return RawRow.broken(
                    from, "A comma has no row %s it; remove the comma.".formatted(c == ',' ? "before" : "after"));
        }
        int last = collect(c);
        place = last == ',' ? Place.ELEMENT : Place.END;
        if (last < 0) {
            return RawRow.broken(
                    from,
                    "The list is not closed after the row that begins here; the file may be cut off, so copy it again.");
        }
        if (length > longest) {
            return RawRow.broken(from, "The row is longer than %d bytes; shorten or split it.".formatted(longest));
        }
        byte[] bytes = Arrays.copyOf(element, length);
        if (last == ']' && readPastSpace() >= 0) {
            return RawRow.broken(
                    line,
                    "Something follows the end of the list; write one JSON array of rows, or one JSON object a line.");
        }
        return new RawRow(from, () -> JsonText.element(bytes, from));
    }

    private @Nullable RawRow afterEnd() throws IOException {
        place = Place.END;
        return readPastSpace() < 0
                ? null
                : RawRow.broken(line, "Something follows the end of the list; write one JSON array of rows.");
    }

    /** Reads an element that begins with this byte; returns the comma or bracket that ends it, or -1 at the file's end. */
    private int collect(int first) throws IOException {
        length = 0;
        int depth = 0;
        boolean inString = false;
        boolean escaped = false;
        for (int c = first; c >= 0; c = read()) {
            if (inString) {
                inString = escaped || c != '"';
                escaped = !escaped && c == '\\';
            } else if (c == '"') {
                inString = true;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (depth == 0 && (c == ',' || c == ']')) {
                return c;
            } else if (c == '}' || c == ']') {
                depth = Math.max(0, depth - 1);
            }
            append(c);
        }
        return -1;
    }

    /** One byte more than allowed is counted, none more than allowed is held. */
    private void append(int c) {
        if (length < longest) {
            if (length == element.length) {
                element = Arrays.copyOf(element, (int) Math.min(longest, 2L * length));
            }
            element[length] = (byte) c;
            length++;
        } else {
            length = longest + 1;
        }
    }

    private int readPastSpace() throws IOException {
        int c = read();
        while (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            c = read();
        }
        return c;
    }

    private int read() throws IOException {
        if (at == end) {
            at = 0;
            end = Math.max(0, in.read(chunk));
            if (end == 0) {
                return -1;
            }
        }
        int c = chunk[at] & 0xFF;
        at++;
        line += c == '\n' ? 1 : 0;
        return c;
    }
}
