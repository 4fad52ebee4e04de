package dev.lowrank.local.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * The folder that holds all state of one platform, owned by one process at a time. The system drops the ownership when
 * that process dies, however it dies.
 */
public final class DataFolder implements AutoCloseable {
    private final Path folder;
    private final FileChannel channel;
    private final FileLock lock;

    private DataFolder(Path folder, FileChannel channel, FileLock lock) {
        this.folder = folder;
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Takes the folder, which is made if it is not there.
     *
     * @param ownerNote what another process that wants it will be told, such as the address of the one that runs
     * @throws AlreadyOwnedException with the owner's note
     */
    public static DataFolder own(Path folder, String ownerNote) throws IOException {
        Files.createDirectories(folder);
        Path real = folder.toRealPath();
        FileChannel channel = FileChannel.open(
                real.resolve("owner"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        @Nullable FileLock lock = tryLock(channel);
        if (lock == null) {
            channel.close();
            throw new AlreadyOwnedException(Files.readString(real.resolve("owner")));
        }
        channel.truncate(0);
        channel.write(ByteBuffer.wrap(ownerNote.getBytes(StandardCharsets.UTF_8)), 0);
        return new DataFolder(real, channel, lock);
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null;
        }
    }

    public Path path() {
        return folder;
    }

    public Path postgres() {
        return folder.resolve("postgres");
    }

    public Path log(String name) {
        return folder.resolve("logs").resolve(name + ".log");
    }

    @Override
    public void close() throws IOException {
        lock.release();
        channel.close();
    }

    /** Another process owns the folder; the message is its note. */
    public static final class AlreadyOwnedException extends IOException {
        private static final long serialVersionUID = 1L;

        AlreadyOwnedException(String note) {
            super(note);
        }
    }
}
