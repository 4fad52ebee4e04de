package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.memory.MemorySource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Chunks that are files mapped into memory, which the operating system may write out and forget. */
final class MappedChunks implements MemorySource {
    private static final int BLOCK = 1 << 20;

    private final Path folder;

    MappedChunks(Path folder) {
        this.folder = folder;
    }

    @Override
    public MemorySegment allocate(Arena arena, long bytes) {
        try {
            long free = Files.getFileStore(folder).getUsableSpace();
            if (free < bytes) {
                throw new IOException("%,d bytes are needed and %,d are free".formatted(bytes, free));
            }
            return map(arena, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "The disk of %s has no room for paged memory (%s); free some, or do without paging."
                            .formatted(folder, e.getMessage()),
                    e);
        }
    }

    /** On Linux and macOS the file loses its name as soon as it is open. */
    private MemorySegment map(Arena arena, long bytes) throws IOException {
        Path file = Files.createTempFile(folder, "paged-", ".memory");
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE)) {
            fill(channel, bytes);
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
        }
    }

    /** Written out, not only made long: a disk that is full later would end the process at a mere store. */
    private static void fill(FileChannel channel, long bytes) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocateDirect(BLOCK);
        for (long written = 0; written < bytes; ) {
            zeros.clear().limit((int) Math.min(BLOCK, bytes - written));
            written += channel.write(zeros);
        }
    }
}
