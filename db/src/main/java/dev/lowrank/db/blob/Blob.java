package dev.lowrank.db.blob;

import java.util.regex.Pattern;

/**
 * Stored bytes.
 *
 * @param sha256 64 lower-case hexadecimal digits
 * @param bytes how many
 */
public record Blob(String sha256, long bytes) {
    private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

    public Blob {
        requireDigest(sha256);
        if (bytes < 0) {
            throw new IllegalArgumentException("A blob cannot have " + bytes + " bytes.");
        }
    }

    /** The digest itself; anything else could name a file outside the store. */
    static String requireDigest(String sha256) {
        if (!DIGEST.matcher(sha256).matches()) {
            throw new IllegalArgumentException("Not a SHA-256 digest in lower-case hexadecimal.");
        }
        return sha256;
    }
}
