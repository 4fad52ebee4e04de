package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Map;

/**
 * A GGUF file, checked whole before a byte of its data is used, then read from its mapping. May be read by several threads
 * until it is closed; the file must not be changed meanwhile.
 */
public final class GgufFile implements AutoCloseable {
    private final Path file;
    private final Arena arena;
    private final MemorySegment bytes;
    private final GgufHeader header;

    private GgufFile(Path file, Arena arena, MemorySegment bytes, GgufHeader header) {
        this.file = file;
        this.arena = arena;
        this.bytes = bytes;
        this.header = header;
    }

    /**
     * Checks and maps a file.
     *
     * @throws InputException if it is missing or is not a sound GGUF file of version 3 with tensor types known here
     * @throws UncheckedIOException if the disk fails
     */
    public static GgufFile open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw Refusal.of(
                    file,
                    Files.exists(file) ? "is not a regular file; name a GGUF file" : "is missing; check the path");
        }
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment bytes = channel.size() == 0
                    ? MemorySegment.ofArray(new byte[0])
                    : channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            return new GgufFile(file, arena, bytes, GgufHeader.parse(file, bytes));
        } catch (IOException e) {
            arena.close();
            throw new UncheckedIOException("Cannot read " + file, e);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** All keys in the order of the file. */
    public Map<String, GgufValue> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /** All tensors by name, in the order of the file. */
    public Map<String, GgufTensor> tensors() {
        return Collections.unmodifiableMap(header.tensors());
    }

    /** @throws InputException if there is none of that name */
    public GgufTensor tensor(String name) {
        GgufTensor tensor = header.tensors().get(name);
        if (tensor == null) {
            throw Refusal.of(file, "holds no tensor %s; it belongs to another model".formatted(Refusal.quoted(name)));
        }
        return tensor;
    }

    /** Fills {@code target}, of as many elements as the tensor has columns, with one of its rows. */
    public void readRow(GgufTensor tensor, long row, float[] target) {
        long rowBytes = tensor.type().rowBytes(tensor.columns());
        if (target.length != tensor.columns() || row < 0 || row >= tensor.rows()) {
            throw new IllegalArgumentException("row %d of %s into %d elements".formatted(row, tensor, target.length));
        }
        long begin = header.dataStart() + tensor.offset() + row * rowBytes;
        tensor.type().decode(bytes.asSlice(begin, rowBytes).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN), target);
    }

    /**
     * All values of a tensor, row-major.
     *
     * @throws InputException if there is no such tensor
     */
    public float[] floats(String name) {
        GgufTensor tensor = tensor(name);
        float[] row = new float[(int) tensor.columns()];
        float[] all = new float[Math.toIntExact(Math.multiplyExact(tensor.rows(), tensor.columns()))];
        for (int i = 0; i < tensor.rows(); i++) {
            readRow(tensor, i, row);
            System.arraycopy(row, 0, all, i * row.length, row.length);
        }
        return all;
    }

    /** Unmaps the file. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
