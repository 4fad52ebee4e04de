package dev.lowrank.local.process;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A child's log file: its lines as they come, keys masked; one older file is kept when it grows large. */
final class ChildLog implements AutoCloseable {
    private static final long LARGE_BYTES = 16 << 20;
    private static final int TAIL_LINES = 30;
    private static final Pattern KEY = Pattern.compile("\\blr_[A-Za-z0-9_-]{8,}");
    private static final String INCUBATOR_WARNING = "WARNING: Using incubator modules";

    private final Path file;
    private final Deque<String> tail = new ArrayDeque<>();
    private @Nullable BufferedWriter writer;
    private long written;

    ChildLog(Path file) {
        this.file = file;
    }

    synchronized void write(String line) {
        if (line.startsWith(INCUBATOR_WARNING)) {
            return;
        }
        String masked = KEY.matcher(line).replaceAll("lr_…");
        remember(masked);
        try {
            BufferedWriter open = writerWithRoom();
            open.write(masked);
            open.newLine();
            open.flush();
            written += masked.length() + 1;
        } catch (IOException e) {
            // A full disk must not stop the child: its pipe has to be emptied all the same.
            tail.addLast("(log file %s: %s)".formatted(file, e.getMessage()));
        }
    }

    /** The last lines written, the oldest first. */
    synchronized List<String> tail() {
        return List.copyOf(tail);
    }

    private void remember(String line) {
        tail.addLast(line);
        while (tail.size() > TAIL_LINES) {
            tail.removeFirst();
        }
    }

    private BufferedWriter writerWithRoom() throws IOException {
        if (writer != null && written > LARGE_BYTES) {
            close();
            Files.move(file, file.resolveSibling(file.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
        }
        if (writer == null) {
            Files.createDirectories(file.toAbsolutePath().getParent());
            written = Files.exists(file) ? Files.size(file) : 0;
            writer = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        return writer;
    }

    @Override
    public synchronized void close() throws IOException {
        if (writer != null) {
            writer.close();
            writer = null;
        }
    }
}
