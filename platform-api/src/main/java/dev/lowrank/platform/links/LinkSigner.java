package dev.lowrank.platform.links;

import dev.lowrank.db.registry.LinkKeys;
import dev.lowrank.db.registry.LinkKeys.LinkKey;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.stereotype.Component;

/** Signs what a download link says with HMAC-SHA-256, and checks such signatures. */
@Component
class LinkSigner {
    private static final SecureRandom RANDOM = new SecureRandom();

    /** What a link says: which bytes, until when (unix seconds), signed with which key. */
    record Claim(String adapter, int version, String sha256, long expires, int key) {}

    private final LinkKeys keys;

    LinkSigner(LinkKeys keys) {
        this.keys = keys;
    }

    /** The number of the key that signs now. */
    int currentKey() {
        return current().id();
    }

    private LinkKey current() {
        byte[] fresh = new byte[32];
        RANDOM.nextBytes(fresh);
        return keys.newest(fresh);
    }

    String sign(Claim claim) {
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(mac(claim, current().secret()));
    }

    /** Whether the signature is the claim's; takes as long for a wrong one as for a right one. */
    boolean verify(Claim claim, String signature) {
        return keys.find(claim.key())
                .map(key -> Base64.getUrlEncoder().withoutPadding().encodeToString(mac(claim, key.secret())))
                .filter(expected -> MessageDigest.isEqual(bytes(expected), bytes(signature)))
                .isPresent();
    }

    /** Each field with its length before it, so that no two claims have the same bytes. */
    private static byte[] mac(Claim claim, byte[] secret) {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        for (String field : new String[] {
            "lowrank-link-1",
            claim.adapter(),
            String.valueOf(claim.version()),
            claim.sha256(),
            String.valueOf(claim.expires()),
            String.valueOf(claim.key())
        }) {
            message.writeBytes(
                    ByteBuffer.allocate(4).putInt(bytes(field).length).array());
            message.writeBytes(bytes(field));
        }
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return mac.doFinal(message.toByteArray());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HMAC-SHA-256", e);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
