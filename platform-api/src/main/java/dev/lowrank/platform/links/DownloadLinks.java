package dev.lowrank.platform.links;

import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.LinkKeys;
import dev.lowrank.db.registry.LinkKeys.LinkKey;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;
import org.springframework.stereotype.Component;
import org.springframework.web.util.UriComponentsBuilder;

/** Makes and checks expiring links to versions; who holds one may fetch exactly those bytes until it expires. */
@Component
public class DownloadLinks {
    private static final Pattern NUMBER = Pattern.compile("[1-9]\\d{0,8}");
    private static final Pattern SECONDS = Pattern.compile("[1-9]\\d{0,14}");
    private static final SecureRandom RANDOM = new SecureRandom();

    private final LinkKeys keys;
    private final Clock clock;

    DownloadLinks(LinkKeys keys, Clock clock) {
        this.keys = keys;
        this.clock = clock;
    }

    /** @param origin what the link begins with, such as {@code http://localhost:8080} */
    public DownloadLink make(AdapterVersion version, Duration validFor, String origin) {
        long expires = clock.instant().plus(validFor).getEpochSecond();
        LinkKey key = keys.newest(freshSecret());
        LinkFields fields = new LinkFields(
                version.adapter(),
                String.valueOf(version.number()),
                version.sha256(),
                String.valueOf(expires),
                String.valueOf(key.id()));
        String url = UriComponentsBuilder.fromUriString(origin)
                .pathSegment("d", fields.name(), fields.number(), fields.sha256())
                .queryParam("e", fields.expires())
                .queryParam("k", fields.keyId())
                .queryParam("s", LinkSignature.of(key.secret(), fields))
                .build()
                .toUriString();
        return new DownloadLink("link", url, expires, version.sha256(), version.bytes());
    }

    /** Whether a link that says this was made here and is still good. */
    Validity check(LinkFields fields, String signature) {
        if (!key(fields)
                .map(key -> LinkSignature.matches(key.secret(), fields, signature))
                .orElse(false)) {
            return Validity.FORGED;
        }
        return clock.instant().getEpochSecond() < Long.parseLong(fields.expires()) ? Validity.GOOD : Validity.EXPIRED;
    }

    private Optional<LinkKey> key(LinkFields fields) {
        return NUMBER.matcher(fields.keyId()).matches()
                        && NUMBER.matcher(fields.number()).matches()
                        && SECONDS.matcher(fields.expires()).matches()
                ? keys.find(Integer.parseInt(fields.keyId()))
                : Optional.empty();
    }

    private static byte[] freshSecret() {
        byte[] secret = new byte[32];
        RANDOM.nextBytes(secret);
        return secret;
    }

    /** What is to be thought of a link. */
    enum Validity {
        GOOD,
        EXPIRED,
        FORGED
    }
}
