package dev.lowrank.platform.links;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * HMAC-SHA-256 over a link's fields as they are written in it. Each field is preceded by its length, so that no two links
 * have the same bytes; texts, not values, are signed and compared, so that no second spelling of a link is good.
 */
final class LinkSignature {
    private static final String ALGORITHM = "HmacSHA256";
    private static final String PURPOSE = "lowrank-link-1";

    private LinkSignature() {}

    static String of(byte[] secret, LinkFields fields) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret, ALGORITHM));
            for (String field : List.of(
                    PURPOSE, fields.keyId(), fields.name(), fields.number(), fields.sha256(), fields.expires())) {
                byte[] bytes = field.getBytes(StandardCharsets.UTF_8);
                mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, bytes.length));
                mac.update(bytes);
            }
            return Base64.getUrlEncoder().withoutPadding().encodeToString(mac.doFinal());
        } catch (GeneralSecurityException e) {
            throw new AssertionError("Every Java has HMAC-SHA-256.", e);
        }
    }

    /** In a time that does not tell how much of the signature was right. */
    static boolean matches(byte[] secret, LinkFields fields, String signature) {
        return MessageDigest.isEqual(
                of(secret, fields).getBytes(StandardCharsets.US_ASCII), signature.getBytes(StandardCharsets.UTF_8));
    }
}
