package dev.lowrank.local.demo;

import tools.jackson.databind.JsonNode;

/**
 * A version in the adapter registry.
 *
 * @param sha256 of the archive behind its links
 */
record AdapterVersion(String name, int number, String sha256) {
    /** The version that a job made, as the job tells it. */
    static AdapterVersion of(JsonNode job) {
        JsonNode version = job.at("/lowrank/adapter_version");
        if (version.isMissingNode()) {
            throw new ApiFailure("Job %s succeeded, but names no adapter version."
                    .formatted(job.path("id").asString("")));
        }
        return new AdapterVersion(
                version.required("name").asString(),
                version.required("version").asInt(),
                version.required("sha256").asString());
    }
}
