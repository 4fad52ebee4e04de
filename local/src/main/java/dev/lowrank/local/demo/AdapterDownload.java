package dev.lowrank.local.demo;

import dev.lowrank.local.files.FileTree;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Downloads an adapter through its signed link, checks it against its digest, and unpacks it. */
public final class AdapterDownload {
    private static final long LARGEST_UNPACKED_BYTES = 4L << 30;

    private final ApiClient api;

    public AdapterDownload(ApiClient api) {
        this.api = api;
    }

    /**
     * @param sha256 what the bytes behind the link must hash to
     * @param folder receives the adapter's files; replaced if it is there
     */
    public void into(URI link, String sha256, Path folder) throws IOException, InterruptedException {
        Files.createDirectories(folder.toAbsolutePath().getParent());
        Path archive = Files.createTempFile(folder.toAbsolutePath().getParent(), "adapter-", ".zip");
        try {
            requireDigest(download(link, archive), sha256);
            FileTree.delete(folder);
            unpack(archive, folder);
        } finally {
            Files.deleteIfExists(archive);
        }
    }

    private String download(URI link, Path archive) throws IOException, InterruptedException {
        try (DigestInputStream in = new DigestInputStream(api.download(link), MessageDigest.getInstance("SHA-256"));
                OutputStream out = Files.newOutputStream(archive)) {
            in.transferTo(out);
            return HexFormat.of().formatHex(in.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void requireDigest(String found, String expected) throws IOException {
        if (!found.equals(expected)) {
            throw new IOException(
                    "the downloaded adapter hashes to %s, but its version says %s".formatted(found, expected));
        }
    }

    static void unpack(Path archive, Path folder) throws IOException {
        long room = LARGEST_UNPACKED_BYTES;
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(archive))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                room -= unpackEntry(zip, entry, folder, room);
            }
        }
    }

    private static long unpackEntry(InputStream zip, ZipEntry entry, Path folder, long room) throws IOException {
        Path target = folder.resolve(entry.getName()).normalize();
        if (!target.startsWith(folder)) {
            throw new IOException("the archive names a file outside of it: " + entry.getName());
        }
        if (entry.isDirectory()) {
            Files.createDirectories(target);
            return 0;
        }
        Files.createDirectories(target.getParent());
        try (OutputStream out = Files.newOutputStream(target)) {
            return copyAtMost(zip, out, room);
        }
    }

    private static long copyAtMost(InputStream in, OutputStream out, long room) throws IOException {
        byte[] buffer = new byte[1 << 16];
        long copied = 0;
        for (int read = in.read(buffer); read != -1; read = in.read(buffer)) {
            copied += read;
            if (copied > room) {
                throw new IOException("the archive unpacks to more than " + LARGEST_UNPACKED_BYTES + " bytes");
            }
            out.write(buffer, 0, read);
        }
        return copied;
    }
}
