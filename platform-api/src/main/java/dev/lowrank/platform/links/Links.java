package dev.lowrank.platform.links;

import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.LinkKeys;
import dev.lowrank.platform.contract.ApiException;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Pattern;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.web.util.UriComponentsBuilder;

/** Makes and checks download links. Who holds one may fetch exactly that version's bytes until it expires. */
@Component
public class Links {
    private static final int SECRET_BYTES = 32;
    private static final Pattern NUMBER = Pattern.compile("[1-9]\\d{0,8}");
    private static final Pattern SECONDS = Pattern.compile("[1-9]\\d{0,14}");
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LinkKeys keys;
    private final LinkSettings settings;
    private final Clock clock;

    Links(LinkKeys keys, LinkSettings settings, Clock clock) {
        this.keys = keys;
        this.settings = settings;
        this.clock = clock;
    }

    /** A link and its end. */
    public record Link(String url, Instant expiresAt) {}

    /**
     * A link to a version's archive.
     *
     * @param requestedAt scheme, host and port of the request, which begin the link unless {@code lowrank.public-url} does
     */
    public Link create(AdapterVersion version, Duration life, String requestedAt) {
        Instant end = Instant.ofEpochSecond(clock.instant().plus(life).getEpochSecond());
        LinkKeys.LinkKey key = keys.newest(freshSecret());
        LinkFields fields = new LinkFields(
                version.adapter(),
                String.valueOf(version.number()),
                version.sha256(),
                String.valueOf(end.getEpochSecond()),
                String.valueOf(key.id()));
        return new Link(url(fields, LinkSignature.of(key.secret(), fields), requestedAt), end);
    }

    private String url(LinkFields fields, String signature, String requestedAt) {
        String base = settings.publicUrl();
        return UriComponentsBuilder.fromUriString(base == null || base.isBlank() ? requestedAt : base)
                .pathSegment("d", fields.name(), fields.number(), fields.sha256())
                .queryParam("e", fields.expires())
                .queryParam("k", fields.keyId())
                .queryParam("s", signature)
                .encode()
                .toUriString();
    }

    /**
     * Lets a good link pass.
     *
     * @throws ApiException (403) if it is altered, not ours, or expired
     */
    void require(LinkFields fields, String signature) {
        boolean ours = key(fields)
                .map(key -> LinkSignature.matches(key.secret(), fields, signature))
                .orElse(false);
        if (!ours) {
            throw forbidden("invalid_link", "This link is not as it was made: copy it whole, or ask for a new one.");
        }
        if (!clock.instant().isBefore(Instant.ofEpochSecond(Long.parseLong(fields.expires())))) {
            throw forbidden("link_expired", "This link has expired: ask for a new one.");
        }
    }

    private Optional<LinkKeys.LinkKey> key(LinkFields fields) {
        return NUMBER.matcher(fields.keyId()).matches()
                        && NUMBER.matcher(fields.number()).matches()
                        && SECONDS.matcher(fields.expires()).matches()
                ? keys.find(Integer.parseInt(fields.keyId()))
                : Optional.empty();
    }

    static ApiException forbidden(String code, String message) {
        return new ApiException(HttpStatus.FORBIDDEN, code, null, message);
    }

    private static byte[] freshSecret() {
        byte[] secret = new byte[SECRET_BYTES];
        RANDOM.nextBytes(secret);
        return secret;
    }
}
