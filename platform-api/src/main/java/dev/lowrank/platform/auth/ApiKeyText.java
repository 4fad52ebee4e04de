package dev.lowrank.platform.auth;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;

/**
 * A key as its user holds it: {@code lr_} and 256 random bits. A fast hash is right for it, since there is nothing to
 * guess; looking the hash up in an index compares no secret byte by byte.
 */
record ApiKeyText(String text) {
    private static final String START = "lr_";
    private static final int SHOWN = 8;
    private static final SecureRandom RANDOM = new SecureRandom();

    static ApiKeyText generate() {
        byte[] secret = new byte[32];
        RANDOM.nextBytes(secret);
        return new ApiKeyText(START + Base64.getUrlEncoder().withoutPadding().encodeToString(secret));
    }

    byte[] hash() {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** What may be shown of it, so that a person can tell keys apart. */
    String prefix() {
        return text.substring(0, Math.min(SHOWN, text.length()));
    }

    @Override
    public String toString() {
        return prefix() + "…";
    }
}
