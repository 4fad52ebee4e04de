package dev.lowrank.platform.links;

import com.fasterxml.jackson.annotation.JsonAnySetter;
import dev.lowrank.db.access.Owner;
import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.downloads.Download;
import dev.lowrank.platform.settings.PlatformSettings;
import dev.lowrank.platform.web.ApiException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.support.ServletUriComponentsBuilder;

/** Makes download links, and serves what they lead to. */
@RestController
class LinksController {
    private static final int SHORTEST = 60;
    private static final int LONGEST = 604_800;
    private static final int USUAL = 3600;
    private static final Set<String> PARAMETERS = Set.of("e", "k", "s");

    private final Adapters adapters;
    private final DownloadLinks links;
    private final Download download;
    private final PlatformSettings settings;

    LinksController(Adapters adapters, DownloadLinks links, Download download, PlatformSettings settings) {
        this.adapters = adapters;
        this.links = links;
        this.download = download;
        this.settings = settings;
    }

    /** How long a link shall be good. */
    record LinkRequest(@Nullable Integer expiresInSeconds) {
        /** Whatever else somebody wants of a link, he shall not believe he got it. */
        @JsonAnySetter
        void refuse(String field, Object value) {
            throw ApiException.badRequest(
                    "\"%s\" is not a known setting; known here is expires_in_seconds.".formatted(field),
                    field,
                    "unknown_parameter");
        }
    }

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
    void download(
            @PathVariable String name,
            @PathVariable String number,
            @PathVariable String sha256,
            HttpServletRequest request,
            HttpServletResponse response)
            throws IOException {
        if (!request.getParameterMap().keySet().equals(PARAMETERS)) {
            throw forged();
        }
        LinkFields fields = new LinkFields(name, number, sha256, one(request, "e"), one(request, "k"));
        switch (links.check(fields, one(request, "s"))) {
            case FORGED -> throw forged();
            case EXPIRED ->
                throw ApiException.forbidden("This download link has expired; make a new one.", "link_expired");
            case GOOD -> {}
        }
        AdapterVersion version = adapters.byDigest(name, Integer.parseInt(number), sha256)
                .orElseThrow(() -> ApiException.notFound("adapter version", name + ":" + number, "version"));
        download.send(
                request,
                response,
                version.sha256(),
                version.bytes(),
                "%s-v%d.zip".formatted(version.adapter(), version.number()),
                MediaType.parseMediaType("application/zip"));
    }

    private static String one(HttpServletRequest request, String parameter) {
        String[] values = request.getParameterValues(parameter);
        if (values.length != 1) {
            throw forged();
        }
        return values[0];
    }

    private static ApiException forged() {
        return ApiException.forbidden(
                "This download link is not as this server made it; copy it whole, or make a new one.", "link_invalid");
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
