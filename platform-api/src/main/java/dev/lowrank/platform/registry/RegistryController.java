package dev.lowrank.platform.registry;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.contract.ApiException;
import dev.lowrank.platform.contract.ListBody;
import dev.lowrank.platform.contract.UnixTime;
import dev.lowrank.platform.links.Links;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.support.ServletUriComponentsBuilder;
import tools.jackson.databind.JsonNode;

/** The registry, read; versions are added by workers. */
@RestController
@RequestMapping("/v1/adapters")
class RegistryController {
    private final Adapters adapters;
    private final Links links;

    RegistryController(Adapters adapters, Links links) {
        this.adapters = adapters;
        this.links = links;
    }

    @GetMapping
    ListBody<AdapterBody> list(@AuthenticationPrincipal Owner owner) {
        return ListBody.whole(
                adapters.list(owner.projectId()).stream().map(AdapterBody::of).toList());
    }

    @GetMapping("/{name}")
    AdapterBody find(@AuthenticationPrincipal Owner owner, @PathVariable String name) {
        return adapters.find(owner.projectId(), name).map(AdapterBody::of).orElseThrow(() -> noAdapter(name));
    }

    @GetMapping("/{name}/versions")
    ListBody<VersionBody> versions(@AuthenticationPrincipal Owner owner, @PathVariable String name) {
        find(owner, name);
        return ListBody.whole(adapters.versions(owner.projectId(), name).stream()
                .map(VersionBody::of)
                .toList());
    }

    @GetMapping("/{name}/versions/{number}")
    VersionBody version(@AuthenticationPrincipal Owner owner, @PathVariable String name, @PathVariable int number) {
        return VersionBody.of(existing(owner, name, number));
    }

    @PostMapping("/{name}/versions/{number}/links")
    LinkBody link(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String name,
            @PathVariable int number,
            @RequestBody(required = false) @Nullable JsonNode body,
            HttpServletRequest request) {
        AdapterVersion version = existing(owner, name, number);
        Duration life = LinkLife.read(body);
        String requestedAt =
                ServletUriComponentsBuilder.fromContextPath(request).build().toUriString();
        Links.Link link = links.create(version, life, requestedAt);
        return new LinkBody("link", link.url(), UnixTime.of(link.expiresAt()), version.sha256(), version.bytes());
    }

    private AdapterVersion existing(Owner owner, String name, int number) {
        return adapters.version(owner.projectId(), name, number)
                .orElseThrow(() -> ApiException.notFound(
                        "version", "There is no version %d of an adapter \"%s\".".formatted(number, name)));
    }

    private static ApiException noAdapter(String name) {
        return ApiException.notFound("name", "There is no adapter \"%s\": see /v1/adapters.".formatted(name));
    }

    record LinkBody(String object, String url, long expiresAt, String sha256, long bytes) {}
}
