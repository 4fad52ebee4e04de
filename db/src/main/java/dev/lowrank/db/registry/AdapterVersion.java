package dev.lowrank.db.registry;

import java.time.Instant;

/**
 * One trained version of an adapter.
 *
 * @param sha256 digest of its zip in the blob store
 * @param baseSha256 digest of the base it was trained on
 * @param spec JSON of the training spec
 * @param metrics JSON of its figures
 * @param verdict JSON of what was proven before it was registered
 */
public record AdapterVersion(
        String adapter,
        int number,
        String jobId,
        String baseModel,
        String sha256,
        long bytes,
        String baseSha256,
        String spec,
        String metrics,
        String verdict,
        Instant createdAt) {}
