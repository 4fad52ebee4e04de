package dev.lowrank.local.demo;

import java.io.IOException;
import tools.jackson.databind.JsonNode;

/**
 * A version in the adapter registry.
 *
 * @param sha256 of the archive behind its links
 */
record AdapterVersion(String name, int number, String sha256) {
    /** The version that a job made. */
    static AdapterVersion of(String job, ApiClient api) throws IOException, InterruptedException {
        for (JsonNode adapter : api.get("/v1/adapters").path("data")) {
            String name = adapter.required("name").asString();
            for (JsonNode version : api.get("/v1/adapters/" + ApiClient.segment(name) + "/versions")
                    .path("data")) {
                if (version.path("job_id").asString("").equals(job)) {
                    return new AdapterVersion(
                            name,
                            version.required("number").asInt(),
                            version.required("sha256").asString());
                }
            }
        }
        throw new ApiFailure("Job %s succeeded, but no adapter version names it.".formatted(job));
    }
}
