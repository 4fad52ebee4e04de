package dev.lowrank.engine.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import tools.jackson.core.io.JsonStringEncoder;

/**
 * Writes a safetensors file with the same bytes as the reference implementation: wide types first, then by name,
 * whatever the order of adding. Values from a supplier are asked for one tensor at a time, while they are written.
 */
public final class SafetensorsWriter {
    private static final int BUFFER = 1 << 18;

    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> names = new HashSet<>();

    /** One tensor to come. */
    private record Entry(String name, StoredType dtype, long[] shape, long count, Supplier<?> values) {
        long bytes() {
            return Math.multiplyExact(count, dtype.bits()) / 8;
        }
    }

    /** Adds a text beside the tensors, such as {@code format=pt}, which transformers and PEFT look for. */
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /** Adds a tensor of float values; see {@link #add(String, StoredType, long[], Supplier)}. */
    public SafetensorsWriter add(String name, StoredType dtype, long[] shape, float[] values) {
        return add(name, dtype, shape, () -> values);
    }

    /**
     * Adds a tensor of float values, stored as F32, F16 or BF16 (both rounded to nearest, ties to even) or F64.
     *
     * @param shape extents, outermost first
     * @param values gives the row-major values; asked once, when their turn to be written comes
     * @throws IllegalArgumentException for another type, a wrong shape or a name that is taken
     */
    public SafetensorsWriter add(String name, StoredType dtype, long[] shape, Supplier<float[]> values) {
        if (!dtype.readableAsFloats()) {
            throw new IllegalArgumentException("float values cannot be stored as " + dtype);
        }
        return put(name, dtype, shape, values);
    }

    /**
     * Adds a tensor of whole numbers, stored as I64, I32 or U8.
     *
     * @throws IllegalArgumentException for another type, a wrong shape or a name that is taken
     */
    public SafetensorsWriter addLongs(String name, StoredType dtype, long[] shape, long[] values) {
        if (dtype != StoredType.I64 && dtype != StoredType.I32 && dtype != StoredType.U8) {
            throw new IllegalArgumentException("whole numbers cannot be stored as " + dtype);
        }
        return put(name, dtype, shape, () -> values);
    }

    /**
     * Adds a tensor of any type by its little-endian bytes, such as {@link SafetensorsFile#bytes}.
     *
     * @throws IllegalArgumentException for a wrong shape or a name that is taken
     */
    public SafetensorsWriter addBytes(String name, StoredType dtype, long[] shape, Supplier<MemorySegment> bytes) {
        return put(name, dtype, shape, bytes);
    }

    private SafetensorsWriter put(String name, StoredType dtype, long[] shape, Supplier<?> values) {
        long count = 1;
        for (long extent : shape) {
            if (extent < 0) {
                throw new IllegalArgumentException(name + " has the shape " + Arrays.toString(shape));
            }
            count = Math.multiplyExact(count, extent);
        }
        if (name.equals("__metadata__")
                || name.length() > SafetensorsHeader.LONGEST_NAME
                || shape.length > SafetensorsHeader.HIGHEST_RANK) {
            throw new IllegalArgumentException(
                    "no reader would take a tensor named %s of rank %d".formatted(Refusal.quoted(name), shape.length));
        }
        if (!names.add(name)) {
            throw new IllegalArgumentException("two tensors are named " + name);
        }
        entries.add(new Entry(name, dtype, shape.clone(), count, values));
        return this;
    }

    /**
     * Writes the file, in place of one that may lie there, and syncs it to the disk; what was begun is deleted when it
     * fails.
     *
     * @throws UncheckedIOException if the disk fails or is full
     * @throws IllegalStateException if a supplier gives another number of values than its shape says
     */
    public void write(Path file) {
        entries.sort((a, b) -> a.dtype != b.dtype ? b.dtype.compareTo(a.dtype) : compareBytes(a.name, b.name));
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
            byte[] header = header();
            ByteBuffer prefix = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
            prefix.putLong(header.length).put(header).flip();
            writeFully(channel, prefix);
            ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
            for (Entry entry : entries) {
                writeValues(channel, buffer, entry);
            }
            drain(channel, buffer);
            channel.force(true);
        }
    }

    private byte[] header() {
        StringBuilder json = new StringBuilder("{");
        if (!metadata.isEmpty()) {
            json.append("\"__metadata__\":{");
            metadata.forEach((key, value) ->
                    json.append(quoted(key)).append(':').append(quoted(value)).append(','));
            json.setCharAt(json.length() - 1, '}');
            json.append(',');
        }
        long begin = 0;
        for (Entry entry : entries) {
            long end = begin + entry.bytes();
            json.append(quoted(entry.name))
                    .append(":{\"dtype\":\"")
                    .append(entry.dtype)
                    .append("\",\"shape\":")
                    .append(Arrays.toString(entry.shape).replace(" ", ""))
                    .append(",\"data_offsets\":[%d,%d]},".formatted(begin, end));
            begin = end;
        }
        if (json.length() > 1) {
            json.setLength(json.length() - 1);
        }
        byte[] text = json.append('}').toString().getBytes(StandardCharsets.UTF_8);
        byte[] padded = Arrays.copyOf(text, Math.ceilDiv(text.length, Long.BYTES) * Long.BYTES);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        return padded;
    }

    private static String quoted(String text) {
        StringBuilder escaped = new StringBuilder(text.length() + 2).append('"');
        JsonStringEncoder.getInstance().quoteAsString(text, escaped);
        return escaped.append('"').toString();
    }

    private static void writeValues(FileChannel channel, ByteBuffer buffer, Entry entry) throws IOException {
        switch (entry.values.get()) {
            case float[] values -> {
                checkCount(entry, values.length, entry.count);
                writeFloats(channel, buffer, entry.dtype, values);
            }
            case long[] values -> {
                checkCount(entry, values.length, entry.count);
                writeLongs(channel, buffer, entry.dtype, values);
            }
            case MemorySegment bytes -> {
                checkCount(entry, bytes.byteSize(), entry.bytes());
                writeBytes(channel, buffer, bytes);
            }
            default -> throw new IllegalStateException("no values for " + entry.name);
        }
    }

    private static void writeFloats(FileChannel channel, ByteBuffer buffer, StoredType dtype, float[] values)
            throws IOException {
        for (float value : values) {
            if (buffer.remaining() < Double.BYTES) {
                drain(channel, buffer);
            }
            switch (dtype) {
                case F32 -> buffer.putFloat(value);
                case F16 -> buffer.putShort(Float.floatToFloat16(value));
                case BF16 -> buffer.putShort(toBrainFloat(value));
                default -> buffer.putDouble(value);
            }
        }
    }

    private static void writeLongs(FileChannel channel, ByteBuffer buffer, StoredType dtype, long[] values)
            throws IOException {
        for (long value : values) {
            if (buffer.remaining() < Long.BYTES) {
                drain(channel, buffer);
            }
            switch (dtype) {
                case I64 -> buffer.putLong(value);
                case I32 -> buffer.putInt(Math.toIntExact(value));
                default -> {
                    if (value < 0 || value > 255) {
                        throw new IllegalStateException(value + " does not fit into U8");
                    }
                    buffer.put((byte) value);
                }
            }
        }
    }

    private static void writeBytes(FileChannel channel, ByteBuffer buffer, MemorySegment bytes) throws IOException {
        drain(channel, buffer);
        for (long from = 0; from < bytes.byteSize(); from += BUFFER) {
            long count = Math.min(BUFFER, bytes.byteSize() - from);
            MemorySegment.copy(bytes, from, MemorySegment.ofBuffer(buffer), 0, count);
            buffer.position((int) count);
            drain(channel, buffer);
        }
    }

    /** The nearest bfloat16, ties to the even one; a value that is not a number stays one. */
    static short toBrainFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    private static void checkCount(Entry entry, long given, long wanted) {
        if (given != wanted) {
            throw new IllegalStateException("%s of shape %s needs %d values, but got %d"
                    .formatted(entry.name, Arrays.toString(entry.shape), wanted, given));
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

    private static int compareBytes(String a, String b) {
        return Arrays.compareUnsigned(a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
    }

    private static void deleteQuietly(Path file, Throwable cause) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
