package dev.lowrank.db.file;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A file of a project.
 *
 * @param purpose {@code fine-tune} or {@code fine-tune-results}
 * @param format what its rows are, for training files
 * @param examples its rows, for training files
 */
public record StoredFile(
        String id,
        String filename,
        String purpose,
        String sha256,
        long bytes,
        String status,
        @Nullable String statusDetails,
        @Nullable String format,
        @Nullable Integer examples,
        Instant createdAt) {}
