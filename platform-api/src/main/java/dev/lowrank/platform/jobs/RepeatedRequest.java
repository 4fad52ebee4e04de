package dev.lowrank.platform.jobs;

import dev.lowrank.db.access.Owner;
import jakarta.servlet.http.HttpServletRequest;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What tells a repeated create request from a new one. The official clients send a request again whose answer got lost,
 * without an idempotency key; but they count their tries, and the body is the same.
 *
 * @param key the client's own idempotency key, or null
 * @param sha256 digest of who sent which body
 * @param again whether the client says that it has sent this before
 */
record RepeatedRequest(@Nullable String key, String sha256, boolean again) {
    static RepeatedRequest of(Owner owner, HttpServletRequest request, JsonNode body) {
        String key = request.getHeader("Idempotency-Key");
        String tries = request.getHeader("X-Stainless-Retry-Count");
        return new RepeatedRequest(
                key == null || key.isBlank() ? null : digest(key),
                digest(owner.keyId() + body),
                tries != null && !tries.equals("0"));
    }

    private static String digest(String text) {
        try {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
