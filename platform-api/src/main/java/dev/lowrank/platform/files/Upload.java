package dev.lowrank.platform.files;

import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.file.Files;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.engine.data.DatasetCheck;
import dev.lowrank.engine.data.DatasetLimits;
import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.InputStream;
import org.springframework.stereotype.Component;
import org.springframework.web.multipart.MultipartFile;

/** Stores a training file, but only after every line of it was found good. */
@Component
class Upload {
    private static final DatasetLimits LIMITS = new DatasetLimits(16 << 20, 100);

    private final Files files;
    private final BlobStore blobs;

    Upload(Files files, BlobStore blobs) {
        this.files = files;
        this.blobs = blobs;
    }

    StoredFile store(String projectId, MultipartFile file) throws IOException {
        String name = FileName.of(file.getOriginalFilename());
        DatasetReport report;
        try (InputStream content = file.getInputStream()) {
            report = DatasetCheck.check(content, DataFormat.AUTO, LIMITS);
        }
        if (!report.sound()) {
            throw BadRows.refusal(name, report);
        }
        try (InputStream content = file.getInputStream()) {
            Blob blob = blobs.put(content, file.getSize());
            return files.add(projectId, name, blob, report.format().key(), Math.toIntExact(report.examples()));
        }
    }
}
