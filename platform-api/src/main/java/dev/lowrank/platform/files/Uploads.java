package dev.lowrank.platform.files;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.file.Files;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.engine.data.DatasetCheck;
import dev.lowrank.engine.data.DatasetLimits;
import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.data.FileKind;
import dev.lowrank.engine.data.RowProblem;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.platform.web.ApiException;
import java.io.IOException;
import java.io.InputStream;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;
import org.springframework.web.multipart.MultipartFile;

/** Checks an uploaded dataset line by line and stores it; of a wrong one nothing is kept. */
@Component
class Uploads {
    private static final int SHOWN = 10;
    private static final int LONGEST_NAME = 255;

    private final Files files;
    private final BlobStore blobs;

    Uploads(Files files, BlobStore blobs) {
        this.files = files;
        this.blobs = blobs;
    }

    StoredFile store(Owner owner, MultipartFile upload) throws IOException {
        DatasetReport report = check(upload);
        Blob content;
        try (InputStream in = upload.getInputStream()) {
            content = blobs.put(in, upload.getSize());
        }
        return files.add(
                owner.projectId(), name(upload), content, report.format().key(), Math.toIntExact(report.examples()));
    }

    private static DatasetReport check(MultipartFile upload) throws IOException {
        try (InputStream in = upload.getInputStream()) {
            DatasetReport report =
                    DatasetCheck.check(in, upload.getOriginalFilename(), DataFormat.AUTO, DatasetLimits.DEFAULT);
            if (!report.sound()) {
                throw ApiException.badRequest(message(report), "file", "invalid_file_format");
            }
            return report;
        }
    }

    private static String message(DatasetReport report) {
        String lines = report.problems().stream()
                .limit(SHOWN)
                .map(problem -> line(report, problem))
                .collect(Collectors.joining("\n"));
        long more = report.problemCount() - Math.min(SHOWN, report.problems().size());
        return "The file cannot be trained on; nothing was stored.\n" + lines
                + (more > 0 ? "\n… and %d more lines like these.".formatted(more) : "");
    }

    private static String line(DatasetReport report, RowProblem problem) {
        String unit = report.kind() == FileKind.PARQUET ? "Row" : "Line";
        return "%s %d: %s".formatted(unit, problem.line(), problem.problem());
    }

    /** The last part of what the client calls the file; it names nothing on our disk. */
    private static String name(MultipartFile upload) {
        String name = upload.getOriginalFilename() == null ? "" : upload.getOriginalFilename();
        name = name.substring(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1)
                .replaceAll("\\p{Cntrl}", "");
        return name.isBlank() ? "file.jsonl" : name.substring(0, Math.min(name.length(), LONGEST_NAME));
    }
}
