package dev.lowrank.db.blob;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;

/**
 * Files by content: {@code ab/cd/abcd…} below one root folder. A file is written beside its place, synced, and only then
 * given its name, so that a name always stands for the whole content. What is stored is never written again. The row that
 * makes a blob known is the caller's ({@link Blobs#add}).
 */
public final class BlobStore {
    private static final int BUFFER_BYTES = 1 << 16;

    private final Path root;
    private final Path incoming;

    /** @param root is made if it does not exist; all processes that share blobs share this folder */
    public BlobStore(Path root) {
        this.root = root.toAbsolutePath();
        this.incoming = this.root.resolve("incoming");
        try {
            Files.createDirectories(incoming);
        } catch (IOException e) {
            throw new UncheckedIOException("The blob folder " + root + " cannot be made.", e);
        }
    }

    /**
     * Stores what a stream gives.
     *
     * @param limit most bytes to accept
     * @throws BlobTooLargeException if there are more
     */
    public Blob put(InputStream content, long limit) throws IOException {
        Path temporary = incoming.resolve(UUID.randomUUID().toString());
        try {
            Blob blob = writeSynced(content, temporary, limit);
            giveName(temporary, blob);
            return blob;
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** Stores a copy of a file. */
    public Blob put(Path file) throws IOException {
        try (InputStream content = Files.newInputStream(file)) {
            return put(content, Long.MAX_VALUE);
        }
    }

    /**
     * The file with this content, to be read and never written.
     *
     * @throws NoSuchFileException if it is not stored here
     * @throws IllegalArgumentException if the argument is no digest
     */
    public Path open(String sha256) throws NoSuchFileException {
        Path place = place(sha256);
        if (!Files.isRegularFile(place)) {
            throw new NoSuchFileException(place.toString(), null, "no such blob");
        }
        return place;
    }

    /** Whether this content is stored here. */
    public boolean contains(String sha256) {
        return Files.isRegularFile(place(sha256));
    }

    private Path place(String sha256) {
        Blob.requireDigest(sha256);
        return root.resolve(sha256.substring(0, 2))
                .resolve(sha256.substring(2, 4))
                .resolve(sha256);
    }

    private static Blob writeSynced(InputStream content, Path file, long limit) throws IOException {
        MessageDigest digest = sha256();
        long total = 0;
        byte[] buffer = new byte[BUFFER_BYTES];
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (int read = content.read(buffer); read >= 0; read = content.read(buffer)) {
                total += read;
                if (total > limit) {
                    throw new BlobTooLargeException(limit);
                }
                digest.update(buffer, 0, read);
                writeAll(channel, ByteBuffer.wrap(buffer, 0, read));
            }
            channel.force(true);
        }
        return new Blob(HexFormat.of().formatHex(digest.digest()), total);
    }

    private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** A hard link never replaces what is there, which a rename would. */
    private void giveName(Path temporary, Blob blob) throws IOException {
        Path outer = root.resolve(blob.sha256().substring(0, 2));
        Path inner = outer.resolve(blob.sha256().substring(2, 4));
        Path place = inner.resolve(blob.sha256());
        Files.createDirectories(inner);
        try {
            Files.createLink(place, temporary);
        } catch (FileAlreadyExistsException e) {
            // The same content came before; its bytes are these bytes.
            return;
        } catch (UnsupportedOperationException e) {
            Files.move(temporary, place);
        }
        for (Path folder : List.of(inner, outer, root)) {
            sync(folder);
        }
    }

    private static void sync(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every Java has SHA-256.", e);
        }
    }
}
