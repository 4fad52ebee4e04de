package dev.lowrank.engine.format;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a GGUF file: version 3, little-endian, data aligned to 32 bytes. Keys and tensors keep the order they were added
 * in; rows are asked for one at a time while they are written, so the largest tensor never lies in memory whole.
 */
public final class GgufWriter {
    static final byte[] MAGIC = {'G', 'G', 'U', 'F'};
    static final int VERSION = 3;
    static final int ALIGNMENT = 32;

    /** llama.cpp keeps 64 bytes for a name and its closing zero. */
    static final int LONGEST_NAME = 63;

    static final int MOST_AXES = 4;
    private static final int BUFFER = 1 << 20;

    private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private long end;

    /** Where the values of a tensor come from. */
    @FunctionalInterface
    public interface Rows {
        /** Fills {@code target} with a row; rows are asked for in order, each once. */
        void read(long row, float[] target);
    }

    private record Entry(GgufTensor tensor, Rows rows) {}

    /** @throws IllegalArgumentException if the key is taken */
    public GgufWriter put(String key, GgufValue value) {
        if (metadata.putIfAbsent(key, value) != null) {
            throw new IllegalArgumentException("two values for " + key);
        }
        return this;
    }

    /**
     * Adds a tensor.
     *
     * @param shape extents, outermost first, one to four
     * @throws IllegalArgumentException for a name that is taken or too long, or a shape that the type cannot have
     */
    public GgufWriter add(String name, GgufType type, long[] shape, Rows rows) {
        int length = name.getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > LONGEST_NAME || !names.add(name)) {
            throw new IllegalArgumentException("a tensor cannot be named " + name);
        }
        boolean empty = false;
        for (long extent : shape) {
            empty |= extent < 1 || extent > Integer.MAX_VALUE;
        }
        if (empty || shape.length < 1 || shape.length > MOST_AXES) {
            throw new IllegalArgumentException(name + " cannot have that shape");
        }
        GgufTensor tensor = GgufTensor.of(name, type, shape, end);
        entries.add(new Entry(tensor, rows));
        end = aligned(Math.addExact(end, tensor.bytes()));
        return this;
    }

    /** What was put, in that order. */
    public Map<String, GgufValue> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    /** What was added, in that order. */
    public List<GgufTensor> tensors() {
        return entries.stream().map(Entry::tensor).toList();
    }

    static long aligned(long position) {
        return Math.multiplyExact(Math.ceilDiv(position, (long) ALIGNMENT), (long) ALIGNMENT);
    }

    /**
     * Writes the file in place of one that may lie there, and syncs it to the disk; what was begun is deleted when it
     * fails.
     *
     * @throws UncheckedIOException if the disk fails or is full
     */
    public void write(Path file) {
        try {
            writeAll(file);
        } catch (IOException e) {
            deleteQuietly(file, e);
            throw new UncheckedIOException("Cannot write " + file, e);
        } catch (RuntimeException | Error e) {
            deleteQuietly(file, e);
            throw e;
        }
    }

    private void writeAll(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            writeFully(channel, ByteBuffer.wrap(header()));
            long widest = entries.stream()
                    .mapToLong(e -> e.tensor.type().rowBytes(e.tensor.columns()))
                    .max()
                    .orElse(0);
            ByteBuffer buffer = ByteBuffer.allocateDirect(Math.toIntExact(Math.max(BUFFER, widest + ALIGNMENT)))
                    .order(ByteOrder.LITTLE_ENDIAN);
            for (Entry entry : entries) {
                writeTensor(channel, buffer, entry);
            }
            drain(channel, buffer);
            channel.force(true);
        }
    }

    private byte[] header() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        GgufOutput out = new GgufOutput(bytes);
        bytes.write(MAGIC);
        out.u32(VERSION);
        out.u64(entries.size());
        out.u64(metadata.size());
        metadata.forEach((key, value) -> {
            out.text(key);
            out.value(value);
        });
        for (Entry entry : entries) {
            GgufTensor tensor = entry.tensor;
            out.text(tensor.name());
            out.u32(tensor.shape().size());
            tensor.shape().reversed().forEach(out::u64);
            out.u32(tensor.type().code());
            out.u64(tensor.offset());
        }
        out.zeros((int) (aligned(bytes.size()) - bytes.size()));
        return bytes.toByteArray();
    }

    private static void writeTensor(FileChannel channel, ByteBuffer buffer, Entry entry) throws IOException {
        GgufTensor tensor = entry.tensor;
        int rowBytes = Math.toIntExact(tensor.type().rowBytes(tensor.columns()));
        float[] row = new float[Math.toIntExact(tensor.columns())];
        for (long i = 0; i < tensor.rows(); i++) {
            entry.rows.read(i, row);
            makeRoom(channel, buffer, rowBytes);
            tensor.type().encode(row, buffer);
        }
        int padding = (int) (aligned(tensor.bytes()) - tensor.bytes());
        makeRoom(channel, buffer, padding);
        for (int i = 0; i < padding; i++) {
            buffer.put((byte) 0);
        }
    }

    private static void makeRoom(FileChannel channel, ByteBuffer buffer, int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            drain(channel, buffer);
        }
    }

    private static void drain(FileChannel channel, ByteBuffer buffer) throws IOException {
        writeFully(channel, buffer.flip());
        buffer.clear();
    }

    private static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }

    private static void deleteQuietly(Path file, Throwable cause) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
