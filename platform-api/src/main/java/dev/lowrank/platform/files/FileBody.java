package dev.lowrank.platform.files;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.platform.contract.UnixTime;
import org.jspecify.annotations.Nullable;

/** A file as the contract shows it; what is ours stands under {@code lowrank}. */
record FileBody(
        String id,
        String object,
        long bytes,
        long createdAt,
        String filename,
        String purpose,
        String status,
        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String statusDetails,
        Facts lowrank) {
    record Facts(
            String sha256,
            @Nullable String format,
            @Nullable Integer examples) {}

    static FileBody of(StoredFile file) {
        return new FileBody(
                file.id(),
                "file",
                file.bytes(),
                UnixTime.of(file.createdAt()),
                file.filename(),
                file.purpose(),
                file.status(),
                file.statusDetails(),
                new Facts(file.sha256(), file.format(), file.examples()));
    }
}
