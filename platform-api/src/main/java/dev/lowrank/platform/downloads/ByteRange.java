package dev.lowrank.platform.downloads;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Bytes {@code first} to {@code last}, both included. */
record ByteRange(long first, long last) {
    private static final Pattern ONE = Pattern.compile("bytes=(\\d{0,18})-(\\d{0,18})");

    long length() {
        return last - first + 1;
    }

    /**
     * What a Range header asks for; the whole if it asks for nothing, for several ranges, or in another unit.
     *
     * @param size bytes there are
     * @return null if no such bytes are there
     */
    static @Nullable ByteRange of(@Nullable String header, long size) {
        ByteRange whole = new ByteRange(0, size - 1);
        Matcher range = ONE.matcher(header == null ? "" : header);
        if (!range.matches() || (range.group(1).isEmpty() && range.group(2).isEmpty())) {
            return whole;
        }
        if (range.group(1).isEmpty()) {
            long tail = Long.parseLong(range.group(2));
            return tail == 0 || size == 0 ? null : new ByteRange(Math.max(0, size - tail), size - 1);
        }
        long first = Long.parseLong(range.group(1));
        long last = range.group(2).isEmpty() ? size - 1 : Math.min(size - 1, Long.parseLong(range.group(2)));
        if (!range.group(2).isEmpty() && Long.parseLong(range.group(2)) < first) {
            return whole;
        }
        return first >= size ? null : new ByteRange(first, last);
    }
}
