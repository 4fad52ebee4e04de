package dev.lowrank.engine.format;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.lowrank.engine.InputException;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * A safetensors file, checked whole before a byte of it is used, then mapped into memory. May be read by several threads;
 * whoever closes it must know that no other thread still reads. The file must not be changed while it is open.
 */
public final class SafetensorsFile implements AutoCloseable {
    static final int LARGEST_HEADER = 16 << 20;
    private static final int CHUNK = 8192;

    private static final ValueLayout.OfShort SHORT = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE = JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final SafetensorsHeader header;
    private final Arena arena;
    private final MemorySegment data;

    private SafetensorsFile(Path file, SafetensorsHeader header, Arena arena, MemorySegment data) {
        this.file = file;
        this.header = header;
        this.arena = arena;
        this.data = data;
    }

    /**
     * Checks and maps a file.
     *
     * @throws InputException if it is missing or is not a sound safetensors file
     * @throws UncheckedIOException if the disk fails
     */
    public static SafetensorsFile open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw Refusal.of(
                    file,
                    Files.exists(file)
                            ? "is not a regular file; name a safetensors file"
                            : "is missing; check the path or copy the folder again");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            byte[] json = readHeader(file, channel);
            long start = Long.BYTES + (long) json.length;
            long dataBytes = channel.size() - start;
            SafetensorsHeader header = SafetensorsHeader.parse(file, json, dataBytes);
            return map(file, channel, header, start, dataBytes);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }

    private static SafetensorsFile map(
            Path file, FileChannel channel, SafetensorsHeader header, long start, long dataBytes) throws IOException {
        Arena arena = Arena.ofShared();
        try {
            MemorySegment data = dataBytes == 0
                    ? MemorySegment.ofArray(new byte[0])
                    : channel.map(FileChannel.MapMode.READ_ONLY, start, dataBytes, arena);
            return new SafetensorsFile(file, header, arena, data.asReadOnly());
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            arena.close();
            throw e;
        }
    }

    private static byte[] readHeader(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < Long.BYTES + 2) {
            throw Refusal.of(
                    file, "holds %d bytes, too few for a safetensors file; copy or download it again".formatted(size));
        }
        byte[] prefix = readFully(channel, 0, Long.BYTES);
        long length = ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (length < 2 || length > size - Long.BYTES) {
            throw Refusal.of(file, otherFormat(prefix, length, size));
        }
        if (length > LARGEST_HEADER) {
            throw Refusal.of(
                    file,
                    "has a header of %d bytes, more than the %d allowed; split the model into more shards"
                            .formatted(length, LARGEST_HEADER));
        }
        return readFully(channel, Long.BYTES, (int) length);
    }

    private static String otherFormat(byte[] prefix, long length, long size) {
        String start = new String(prefix, StandardCharsets.ISO_8859_1);
        if (start.startsWith("PK") || prefix[0] == (byte) 0x80) {
            return "is a pickle or zip archive, which is never loaded here; convert it to safetensors first";
        }
        if (start.startsWith("GGUF")) {
            return "is a GGUF file, not safetensors; take the model's Hugging Face folder instead";
        }
        if (start.startsWith("version ")) {
            return "is a Git LFS pointer, not the weights; fetch the real file with \"git lfs pull\"";
        }
        return "says that its header has %s bytes while the file has %d; it is damaged, so copy or download it again"
                .formatted(Long.toUnsignedString(length), size);
    }

    private static byte[] readFully(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new EOFException("The file became shorter while it was read.");
            }
        }
        return buffer.array();
    }

    /** Every tensor by name, in the order of their bytes. */
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /** The free texts of the header; empty when there are none. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /**
     * One tensor's place.
     *
     * @throws InputException if there is none of that name
     */
    public TensorInfo info(String name) {
        TensorInfo info = header.tensors().get(name);
        if (info == null) {
            throw Refusal.of(
                    file,
                    "holds no tensor %s; the file does not fit the model's configuration"
                            .formatted(Refusal.quoted(name)));
        }
        return info;
    }

    /** A tensor's bytes as they lie in the file, little-endian, read-only; valid until this file is closed. */
    public MemorySegment bytes(String name) {
        TensorInfo info = info(name);
        return data.asSlice(info.begin(), info.end() - info.begin());
    }

    /**
     * A tensor's values in row-major order, from F32, F16 or BF16 (exactly) or F64 (rounded to nearest).
     *
     * @throws InputException if there is no such tensor, it is of another type, or has 2^31 elements or more
     */
    public float[] floats(String name) {
        float[] target = new float[arrayLength(checkedFloats(name))];
        readFloats(name, target);
        return target;
    }

    /**
     * Like {@link #floats} into an array of just as many elements.
     *
     * @throws IllegalArgumentException if {@code target} is of another length
     */
    public void readFloats(String name, float[] target) {
        TensorInfo info = checkedFloats(name);
        if (target.length != info.count()) {
            throw new IllegalArgumentException(
                    "%s has %d elements, the array %d".formatted(info, info.count(), target.length));
        }
        readFloats(name, 0, target.length, target);
    }

    /**
     * A part of {@link #floats}: {@code count} values from the one at {@code from} on, to the start of {@code target}.
     *
     * @throws IndexOutOfBoundsException if the tensor or the array has too few
     */
    public void readFloats(String name, long from, int count, float[] target) {
        TensorInfo info = checkedFloats(name);
        long width = info.dtype().bits() / Byte.SIZE;
        MemorySegment bytes = bytes(name).asSlice(from * width, count * width);
        switch (info.dtype()) {
            case F32 -> MemorySegment.copy(bytes, FLOAT, 0, target, 0, count);
            case F64 -> {
                for (int i = 0; i < count; i++) {
                    target[i] = (float) bytes.get(DOUBLE, 8L * i);
                }
            }
            case BF16 -> readHalves(bytes, count, target, true);
            default -> readHalves(bytes, count, target, false);
        }
    }

    private static void readHalves(MemorySegment bytes, int all, float[] target, boolean brain) {
        short[] chunk = new short[Math.min(CHUNK, all)];
        for (int from = 0; from < all; from += CHUNK) {
            int count = Math.min(CHUNK, all - from);
            MemorySegment.copy(bytes, SHORT, 2L * from, chunk, 0, count);
            if (brain) {
                for (int i = 0; i < count; i++) {
                    target[from + i] = Float.intBitsToFloat(chunk[i] << 16);
                }
            } else {
                for (int i = 0; i < count; i++) {
                    target[from + i] = Float.float16ToFloat(chunk[i]);
                }
            }
        }
    }

    /**
     * A tensor's values in row-major order, from I64, I32, I16, I8, U8 or BOOL.
     *
     * @throws InputException if there is no such tensor, it is of another type, or has 2^31 elements or more
     */
    public long[] longs(String name) {
        TensorInfo info = info(name);
        if (!info.dtype().readableAsLongs()) {
            throw Refusal.of(
                    file,
                    "holds tensor %s as %s where whole numbers belong; store it as I64 or I32"
                            .formatted(Refusal.quoted(name), info.dtype()));
        }
        long[] target = new long[arrayLength(info)];
        MemorySegment bytes = bytes(name);
        for (int i = 0; i < target.length; i++) {
            target[i] = switch (info.dtype()) {
                case I64 -> bytes.get(LONG, 8L * i);
                case I32 -> bytes.get(INT, 4L * i);
                case I16 -> bytes.get(SHORT, 2L * i);
                case I8 -> bytes.get(JAVA_BYTE, i);
                default -> Byte.toUnsignedInt(bytes.get(JAVA_BYTE, i));
            };
        }
        return target;
    }

    private TensorInfo checkedFloats(String name) {
        TensorInfo info = info(name);
        if (!info.dtype().readableAsFloats()) {
            throw Refusal.of(
                    file,
                    "holds tensor %s as %s, which this version cannot compute with; use a copy stored as F32, F16 or BF16"
                            .formatted(Refusal.quoted(name), info.dtype()));
        }
        return info;
    }

    private int arrayLength(TensorInfo info) {
        if (info.count() > Integer.MAX_VALUE - 8) {
            throw Refusal.of(
                    file,
                    "holds tensor %s of %d elements, more than this version reads in one piece"
                            .formatted(Refusal.quoted(info.name()), info.count()));
        }
        return (int) info.count();
    }

    /** Unmaps the file; every segment of it is invalid from then on. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
