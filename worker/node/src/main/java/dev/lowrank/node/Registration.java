package dev.lowrank.node;

import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.queue.Assignment;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.Result;
import dev.lowrank.engine.format.DeterministicZip;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Stores what was made and ends the job with it: first the bytes, then, in one transaction, everything that names them. */
record Registration(QueueAccess database, BlobStore blobs) {
    /** @return false if the job was cancelled at the last moment instead */
    boolean register(
            Lease lease, Assignment assignment, Path attempt, String metrics, String verdict, Reporter reporter) {
        Blob output = archive(attempt);
        String csv = StepCsv.write(reporter.persist(() -> database.reports().metrics(lease)));
        Assignment.Base base = Objects.requireNonNull(assignment.base());
        Result result = new Result(
                ResultNames.model(assignment),
                ResultNames.adapter(assignment),
                output,
                base.name(),
                base.sha256(),
                assignment.spec(),
                metrics,
                verdict,
                store(csv));
        reporter.ending();
        return reporter.persist(() -> database.ending().succeeded(lease, result));
    }

    private Blob archive(Path attempt) {
        Path zip = attempt.resolve("output.zip");
        try {
            Files.deleteIfExists(zip);
            DeterministicZip.pack(Attempt.output(attempt), zip);
            Blob blob = blobs.put(zip);
            Files.delete(zip);
            return blob;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot store the result", e);
        }
    }

    private Blob store(String csv) {
        byte[] bytes = csv.getBytes(StandardCharsets.UTF_8);
        try {
            return blobs.put(new ByteArrayInputStream(bytes), bytes.length);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot store the result file", e);
        }
    }
}
