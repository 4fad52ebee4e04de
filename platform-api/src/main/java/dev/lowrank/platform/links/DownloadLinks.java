package dev.lowrank.platform.links;

import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.platform.links.LinkSigner.Claim;
import java.time.Clock;
import java.time.Duration;
import org.springframework.stereotype.Component;
import org.springframework.web.util.UriComponentsBuilder;

/** Makes expiring links to versions. */
@Component
public class DownloadLinks {
    private final LinkSigner signer;
    private final Clock clock;

    DownloadLinks(LinkSigner signer, Clock clock) {
        this.signer = signer;
        this.clock = clock;
    }

    /** @param origin what the link begins with, such as {@code http://localhost:8080} */
    public DownloadLink make(AdapterVersion version, Duration validFor, String origin) {
        long expires = clock.instant().plus(validFor).getEpochSecond();
        Claim claim = new Claim(version.adapter(), version.number(), version.sha256(), expires, signer.currentKey());
        String url = UriComponentsBuilder.fromUriString(origin)
                .pathSegment("d", claim.adapter(), String.valueOf(claim.version()), claim.sha256())
                .queryParam("e", claim.expires())
                .queryParam("k", claim.key())
                .queryParam("s", signer.sign(claim))
                .build()
                .toUriString();
        return new DownloadLink("link", url, expires, version.sha256(), version.bytes());
    }

    /** Whether a link that says this was made here and is still good. */
    Validity check(Claim claim, String signature) {
        if (!signer.verify(claim, signature)) {
            return Validity.FORGED;
        }
        return clock.instant().getEpochSecond() < claim.expires() ? Validity.GOOD : Validity.EXPIRED;
    }

    /** What is to be thought of a link. */
    enum Validity {
        GOOD,
        EXPIRED,
        FORGED
    }
}
