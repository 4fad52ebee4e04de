package dev.lowrank.platform.files;

import dev.lowrank.db.file.StoredFile;
import org.jspecify.annotations.Nullable;

/** A file as the clients read it. */
record FileBody(
        String id,
        String object,
        long bytes,
        long createdAt,
        String filename,
        String purpose,
        String status,
        @Nullable String statusDetails,
        @Nullable String format,
        @Nullable Integer examples) {
    static FileBody of(StoredFile file) {
        return new FileBody(
                file.id(),
                "file",
                file.bytes(),
                file.createdAt().getEpochSecond(),
                file.filename(),
                file.purpose(),
                file.status(),
                file.statusDetails(),
                file.format(),
                file.examples());
    }
}
