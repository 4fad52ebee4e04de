package dev.lowrank.local.postgres;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * What is kept of an embedded server between runs: the cluster, its superuser's password (readable by us alone), and
 * its port.
 */
record PostgresFolder(Path folder) {
    private static final int PASSWORD_BYTES = 24;

    Path cluster() {
        return folder.resolve("cluster");
    }

    Path passwordFile() {
        return folder.resolve("password");
    }

    /** The password kept here, made at the first call. */
    String password() throws IOException {
        if (!Files.exists(passwordFile())) {
            Files.createDirectories(folder);
            byte[] secret = new byte[PASSWORD_BYTES];
            new SecureRandom().nextBytes(secret);
            Path written = Files.createTempFile(
                    folder,
                    "password",
                    "",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(written, HexFormat.of().formatHex(secret), StandardOpenOption.WRITE);
            Files.move(written, passwordFile());
        }
        return Files.readString(passwordFile());
    }

    /** The port kept here if nobody else took it meanwhile, else a free one, which is kept from now on. */
    int port() throws IOException {
        Path file = folder.resolve("port");
        if (Files.exists(file)) {
            int kept = Integer.parseInt(Files.readString(file).strip());
            if (isFree(kept)) {
                return kept;
            }
        }
        int chosen = freePort();
        Files.writeString(file, Integer.toString(chosen));
        return chosen;
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
