package dev.lowrank.platform.links;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.links.LinkSigner.Claim;
import dev.lowrank.platform.settings.PlatformSettings;
import dev.lowrank.platform.web.ApiException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.FileSystemResource;
import org.springframework.core.io.Resource;
import org.springframework.http.CacheControl;
import org.springframework.http.ContentDisposition;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

/** Makes download links, and serves what they lead to. */
@RestController
class LinksController {
    private static final int SHORTEST = 60;
    private static final int LONGEST = 604_800;
    private static final int USUAL = 3600;

    private final Adapters adapters;
    private final DownloadLinks links;
    private final BlobStore blobs;
    private final PlatformSettings settings;

    LinksController(Adapters adapters, DownloadLinks links, BlobStore blobs, PlatformSettings settings) {
        this.adapters = adapters;
        this.links = links;
        this.blobs = blobs;
        this.settings = settings;
    }

    /** How long a link shall be good. */
    record LinkRequest(@Nullable Integer expiresInSeconds) {}

    @PostMapping("/v1/adapters/{name}/versions/{number}/links")
    DownloadLink make(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String name,
            @PathVariable int number,
            @RequestBody(required = false) @Nullable LinkRequest request) {
        AdapterVersion version = adapters.version(owner.projectId(), name, number)
                .orElseThrow(() -> ApiException.notFound("adapter version", name + ":" + number, "version"));
        return links.make(version, Duration.ofSeconds(seconds(request)), origin());
    }

    @GetMapping("/d/{name}/{number}/{sha256}")
    ResponseEntity<Resource> download(
            @PathVariable String name,
            @PathVariable int number,
            @PathVariable String sha256,
            @RequestParam(name = "e", defaultValue = "0") long expires,
            @RequestParam(name = "k", defaultValue = "0") int key,
            @RequestParam(name = "s", defaultValue = "") String signature)
            throws IOException {
        switch (links.check(new Claim(name, number, sha256, expires, key), signature)) {
            case FORGED ->
                throw ApiException.forbidden(
                        "This download link is not one this server made; make a new one.", "link_invalid");
            case EXPIRED ->
                throw ApiException.forbidden("This download link has expired; make a new one.", "link_expired");
            case GOOD -> {}
        }
        AdapterVersion version = adapters.byDigest(name, number, sha256)
                .orElseThrow(() -> ApiException.notFound("adapter version", name + ":" + number, "version"));
        return ResponseEntity.ok()
                .contentType(MediaType.parseMediaType("application/zip"))
                .cacheControl(CacheControl.noCache().cachePrivate())
                .header(HttpHeaders.ACCEPT_RANGES, "bytes")
                .header(
                        HttpHeaders.CONTENT_DISPOSITION,
                        ContentDisposition.attachment()
                                .filename("%s-v%d.zip".formatted(name, number))
                                .build()
                                .toString())
                .eTag(sha256)
                .body(new FileSystemResource(whole(version)));
    }

    /** The stored bytes, which were hashed when they were put there; a file of another length is not served. */
    private Path whole(AdapterVersion version) throws IOException {
        Path file = blobs.open(version.sha256());
        if (Files.size(file) != version.bytes()) {
            throw new IOException("Blob %s has %d bytes instead of %d"
                    .formatted(version.sha256(), Files.size(file), version.bytes()));
        }
        return file;
    }

    private static int seconds(@Nullable LinkRequest request) {
        Integer asked = request == null ? null : request.expiresInSeconds();
        if (asked == null) {
            return USUAL;
        }
        if (asked < SHORTEST || asked > LONGEST) {
            throw ApiException.badRequest(
                    "\"expires_in_seconds\" is %d, but must be between %d and %d.".formatted(asked, SHORTEST, LONGEST),
                    "expires_in_seconds",
                    null);
        }
        return asked;
    }

    private String origin() {
        String configured = settings.publicUrl();
        return configured == null || configured.isBlank()
                ? ServletUriComponentsBuilder.fromCurrentContextPath().build().toUriString()
                : configured;
    }
}
