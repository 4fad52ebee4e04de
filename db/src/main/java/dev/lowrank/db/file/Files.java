package dev.lowrank.db.file;

import dev.lowrank.db.Page;
import dev.lowrank.db.PublicId;
import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.Blobs;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/** The files of projects. */
public final class Files {
    private static final String COLUMNS =
            "select id, filename, purpose, sha256, bytes, status, status_details, format, examples, created_at from file ";
    private static final String ADD = """
            insert into file (id, project_id, filename, purpose, sha256, bytes, status, format, examples)
            values (:id, :project, :filename, 'fine-tune', :sha256, :bytes, 'processed', :format, :examples)
            """;
    private static final String ONE = COLUMNS + "where id = :id and project_id = :project and deleted_at is null";
    // A cursor stays good after its file is deleted: its place is read from the row, deleted or not.
    private static final String NEWEST_FIRST = COLUMNS + """
            where project_id = :project and deleted_at is null and (cast(:purpose as text) is null or purpose = :purpose)
            and (cast(:after as text) is null
                or (created_at, id) < (select created_at, id from file where id = :after and project_id = :project))
            order by created_at desc, id desc limit :limit
            """;
    private static final String OLDEST_FIRST = NEWEST_FIRST
            .replace("(created_at, id) <", "(created_at, id) >")
            .replace("created_at desc, id desc", "created_at, id");
    private static final String IN_USE = """
            select j.id from fine_tuning_job j
            where (j.training_file = :id or j.validation_file = :id) and j.finished_at is null order by j.created_at limit 1
            """;
    private static final String LOCK = """
            select id from file where id = :id and project_id = :project and deleted_at is null for update
            """;
    private static final String DELETE = """
            update file set deleted_at = clock_timestamp() where id = :id and project_id = :project and deleted_at is null
            """;

    private final JdbcClient jdbc;
    private final TransactionOperations transactions;
    private final Blobs blobs;

    public Files(JdbcClient jdbc, TransactionOperations transactions) {
        this.jdbc = jdbc;
        this.transactions = transactions;
        this.blobs = new Blobs(jdbc);
    }

    /** Adds a checked training file whose bytes are in the blob store. */
    public StoredFile add(String projectId, String filename, Blob content, String format, int examples) {
        String id = PublicId.next("file-");
        transactions.executeWithoutResult(status -> {
            blobs.add(content);
            jdbc.sql(ADD)
                    .param("id", id)
                    .param("project", projectId)
                    .param("filename", filename)
                    .param("sha256", content.sha256())
                    .param("bytes", content.bytes())
                    .param("format", format)
                    .param("examples", examples)
                    .update();
        });
        return find(projectId, id).orElseThrow();
    }

    public Optional<StoredFile> find(String projectId, String id) {
        return jdbc.sql(ONE)
                .param("id", id)
                .param("project", projectId)
                .query(Files::row)
                .optional();
    }

    /**
     * Files of a project.
     *
     * @param after id of the last file of the page before, or null for the first page
     */
    public Page<StoredFile> list(
            String projectId, @Nullable String purpose, @Nullable String after, int limit, boolean newestFirst) {
        return Page.of(
                jdbc.sql(newestFirst ? NEWEST_FIRST : OLDEST_FIRST)
                        .param("project", projectId)
                        .param("purpose", purpose)
                        .param("after", after)
                        .param("limit", limit + 1)
                        .query(Files::row)
                        .list(),
                limit);
    }

    /** What became of a request to delete a file. */
    public sealed interface Deletion {
        /** It is off the lists. */
        record Done() implements Deletion {}

        /** There is no such file. */
        record Missing() implements Deletion {}

        /** An unfinished job needs it, so it stays. */
        record Needed(String jobId) implements Deletion {}
    }

    /** Takes a file off the lists, unless an unfinished job needs it; its bytes stay. */
    public Deletion delete(String projectId, String id) {
        // The lock makes a job that is just being created on this file visible to the second query.
        return Objects.requireNonNull(transactions.execute(status -> {
            if (jdbc.sql(LOCK)
                    .param("id", id)
                    .param("project", projectId)
                    .query(String.class)
                    .list()
                    .isEmpty()) {
                return new Deletion.Missing();
            }
            Optional<String> job =
                    jdbc.sql(IN_USE).param("id", id).query(String.class).optional();
            if (job.isPresent()) {
                return new Deletion.Needed(job.get());
            }
            jdbc.sql(DELETE).param("id", id).param("project", projectId).update();
            return new Deletion.Done();
        }));
    }

    private static StoredFile row(ResultSet row, int n) throws SQLException {
        return new StoredFile(
                row.getString("id"),
                row.getString("filename"),
                row.getString("purpose"),
                row.getString("sha256"),
                row.getLong("bytes"),
                row.getString("status"),
                row.getString("status_details"),
                row.getString("format"),
                row.getObject("examples", Integer.class),
                row.getTimestamp("created_at").toInstant());
    }
}
