package dev.lowrank.platform.registry;

import com.fasterxml.jackson.annotation.JsonRawValue;
import dev.lowrank.db.registry.AdapterVersion;
import dev.lowrank.platform.contract.UnixTime;

/** A version as the API shows it; what the worker stored as JSON is passed on as it is. */
record VersionBody(
        String object,
        String adapter,
        int version,
        String jobId,
        String baseModel,
        String baseSha256,
        String sha256,
        long bytes,
        long createdAt,
        @JsonRawValue String spec,
        @JsonRawValue String metrics,
        @JsonRawValue String verdict) {
    static VersionBody of(AdapterVersion version) {
        return new VersionBody(
                "adapter.version",
                version.adapter(),
                version.number(),
                version.jobId(),
                version.baseModel(),
                version.baseSha256(),
                version.sha256(),
                version.bytes(),
                UnixTime.of(version.createdAt()),
                version.spec(),
                version.metrics(),
                version.verdict());
    }
}
