package dev.lowrank.db.job;

import org.jspecify.annotations.Nullable;

/**
 * A job that is about to be made, every value resolved.
 *
 * @param method JSON of the method with its numbers, as it is echoed to the client
 * @param spec JSON of the training spec
 * @param resolutions JSON list of what the client left out, with reasons
 * @param metadata JSON object of the client's own pairs, or null
 * @param integrations JSON list, or null
 * @param idempotencyKey what makes a repeated request the same request, or null
 * @param requestSha256 digest of the request body, by which a try is known again that carried no key
 */
public record NewJob(
        String projectId,
        String model,
        @Nullable String suffix,
        String trainingFile,
        @Nullable String validationFile,
        int seed,
        String method,
        String spec,
        String resolutions,
        @Nullable String metadata,
        @Nullable String integrations,
        @Nullable String idempotencyKey,
        String requestSha256) {}
