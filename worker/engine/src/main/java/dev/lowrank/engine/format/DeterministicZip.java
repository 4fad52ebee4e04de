package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Packs a folder into a zip file whose bytes depend on nothing but the names and contents of the files. */
public final class DeterministicZip {
    // Not the first moment of 1980: Java takes that for "before zip's time" and adds a field that depends on the time
    // zone.
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 2, 1, 0, 0);

    private DeterministicZip() {}

    /**
     * What was packed.
     *
     * @param sha256 of the zip file, in hex
     * @param bytes length of the zip file
     */
    public record Packed(String sha256, long bytes) {}

    /**
     * Packs a folder's files, those of its sub-folders too, uncompressed, into a new file that is synced to the disk.
     *
     * @param zip must not lie inside the folder, nor exist
     * @throws InputException if the folder holds anything but files and folders
     * @throws UncheckedIOException if the disk fails, or a file changes while it is packed
     */
    public static Packed pack(Path folder, Path zip) {
        if (zip.toAbsolutePath().normalize().startsWith(folder.toAbsolutePath().normalize())) {
            throw new IllegalArgumentException("the zip file would pack itself: " + zip);
        }
        try (FileChannel channel = FileChannel.open(zip, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            Packed packed = pack(folder, Channels.newOutputStream(channel));
            channel.force(true);
            return packed;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write " + zip, e);
        }
    }

    /** Like {@link #pack(Path, Path)}, into a stream, which is not closed. */
    public static Packed pack(Path folder, OutputStream out) {
        Counted counted = new Counted(out);
        try {
            ZipOutputStream zip = new ZipOutputStream(counted);
            zip.setMethod(ZipOutputStream.STORED);
            byte[] buffer = new byte[1 << 17];
            for (Map.Entry<String, Path> file : files(folder).entrySet()) {
                add(zip, file.getKey(), file.getValue(), buffer);
            }
            zip.finish();
            counted.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot pack " + folder, e);
        }
        return new Packed(Sha256.finish(counted.digest), counted.bytes);
    }

    private static void add(ZipOutputStream zip, String name, Path file, byte[] buffer) throws IOException {
        CRC32 crc = new CRC32();
        long size = 0;
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                crc.update(buffer, 0, n);
                size += n;
            }
        }
        ZipEntry entry = new ZipEntry(name);
        entry.setTimeLocal(TIME);
        entry.setSize(size);
        entry.setCompressedSize(size);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                zip.write(buffer, 0, n);
            }
        }
        zip.closeEntry();
    }

    private static Map<String, Path> files(Path folder) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (!attributes.isRegularFile()) {
                    throw Refusal.of(file, "is a link or device, which cannot be packed; put the file itself there");
                }
                files.put(folder.relativize(file).toString().replace('\\', '/'), file);
                return FileVisitResult.CONTINUE;
            }
        });
        return files;
    }

    /** Counts and digests what passes. */
    private static final class Counted extends FilterOutputStream {
        private final MessageDigest digest = Sha256.start();
        private long bytes;

        Counted(OutputStream out) {
            super(out);
        }

        @Override
        public void write(int b) throws IOException {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] source, int offset, int length) throws IOException {
            out.write(source, offset, length);
            digest.update(source, offset, length);
            bytes += length;
        }
    }
}
