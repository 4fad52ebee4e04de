package dev.lowrank.platform.registry;

import com.fasterxml.jackson.annotation.JsonRawValue;
import dev.lowrank.db.access.Owner;
import dev.lowrank.db.registry.Adapter;
import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.web.ApiException;
import dev.lowrank.platform.web.ListBody;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code /v1/adapters}. */
@RestController
@RequestMapping("/v1/adapters")
class RegistryController {
    private final Adapters adapters;

    RegistryController(Adapters adapters) {
        this.adapters = adapters;
    }

    /** An adapter as clients read it. */
    record AdapterBody(String id, String object, String name, String baseModel, int latestVersion, long createdAt) {
        static AdapterBody of(Adapter adapter) {
            return new AdapterBody(
                    adapter.id(),
                    "adapter",
                    adapter.name(),
                    adapter.baseModel(),
                    adapter.latestVersion(),
                    adapter.createdAt().getEpochSecond());
        }
    }

    /** A version as clients read it; spec, metrics and verdict are JSON already. */
    record VersionBody(
            String id,
            String object,
            String adapter,
            int number,
            String baseModel,
            String baseSha256,
            String sha256,
            long bytes,
            String jobId,
            long createdAt,
            @JsonRawValue String spec,
            @JsonRawValue String metrics,
            @JsonRawValue String verdict) {
        static VersionBody of(AdapterVersion version) {
            return new VersionBody(
                    "%s:%d".formatted(version.adapter(), version.number()),
                    "adapter.version",
                    version.adapter(),
                    version.number(),
                    version.baseModel(),
                    version.baseSha256(),
                    version.sha256(),
                    version.bytes(),
                    version.jobId(),
                    version.createdAt().getEpochSecond(),
                    version.spec(),
                    version.metrics(),
                    version.verdict());
        }
    }

    @GetMapping
    ListBody<AdapterBody> list(@AuthenticationPrincipal Owner owner) {
        return ListBody.of(
                adapters.list(owner.projectId()).stream().map(AdapterBody::of).toList(), AdapterBody::id);
    }

    @GetMapping("/{name}")
    AdapterBody get(@AuthenticationPrincipal Owner owner, @PathVariable String name) {
        return adapters.find(owner.projectId(), name)
                .map(AdapterBody::of)
                .orElseThrow(() -> ApiException.notFound("adapter", name, "name"));
    }

    @GetMapping("/{name}/versions")
    ListBody<VersionBody> versions(@AuthenticationPrincipal Owner owner, @PathVariable String name) {
        get(owner, name);
        return ListBody.of(
                adapters.versions(owner.projectId(), name).stream()
                        .map(VersionBody::of)
                        .toList(),
                VersionBody::id);
    }

    @GetMapping("/{name}/versions/{number}")
    VersionBody version(@AuthenticationPrincipal Owner owner, @PathVariable String name, @PathVariable int number) {
        return adapters.version(owner.projectId(), name, number)
                .map(VersionBody::of)
                .orElseThrow(() -> ApiException.notFound("adapter version", name + ":" + number, "version"));
    }
}
