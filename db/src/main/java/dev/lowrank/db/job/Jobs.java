package dev.lowrank.db.job;

import dev.lowrank.db.Page;
import dev.lowrank.db.PublicId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/** Jobs as clients make, watch and cancel them; workers move them through {@code dev.lowrank.db.queue}. */
public final class Jobs {
    // The state is born "validating_files" and becomes "queued" in the same transaction: the files were checked when
    // they were uploaded.
    private static final String CREATE = """
            insert into fine_tuning_job (id, project_id, status, model, suffix, training_file, validation_file, seed, method,
                spec, resolutions, metadata, integrations, idempotency_key, request_sha256, queued_at)
            values (:id, :project, 'queued', :model, :suffix, :training, :validation, :seed, cast(:method as jsonb),
                cast(:spec as jsonb), cast(:resolutions as jsonb), cast(:metadata as jsonb), cast(:integrations as jsonb),
                :idempotency, :request, clock_timestamp())
            on conflict (project_id, idempotency_key) where idempotency_key is not null do nothing
            """;
    private static final String EVENT = """
            insert into job_event (id, job_id, level, type, message) values (:id, :job, 'info', 'message', :message)
            """;
    private static final String SELECT = """
            select j.*, j.method::text as method_json, j.spec::text as spec_json, j.resolutions::text as resolutions_json,
                j.metadata::text as metadata_json, j.integrations::text as integrations_json, p.organization_id,
                (select a.worker_id from job_attempt a where a.job_id = j.id order by a.number desc limit 1) as worker,
                (select m.loss from job_metric m where m.job_id = j.id order by m.step desc limit 1) as loss_now
            from fine_tuning_job j join project p on p.id = j.project_id
            where j.project_id = :project
            """;
    private static final String ONE = SELECT + "and j.id = :id";
    private static final String BY_KEY = SELECT + "and j.idempotency_key = :key";
    private static final String BY_REQUEST = SELECT + """
            and j.request_sha256 = :request and j.created_at > clock_timestamp() - interval '1 hour'
            order by j.created_at desc limit 1
            """;
    private static final String LOCK_FILE = """
            select id from file where id = :file and project_id = :project and deleted_at is null for share
            """;
    private static final String LIST = SELECT + """
            and (cast(:metadata as jsonb) is null or j.metadata @> cast(:metadata as jsonb))
            and (not :withoutMetadata or j.metadata is null)
            and (cast(:after as text) is null or (j.created_at, j.id) <
                (select created_at, id from fine_tuning_job where id = :after and project_id = :project))
            order by j.created_at desc, j.id desc limit :limit
            """;
    private static final String COUNTS = """
            select status, count(*) from fine_tuning_job where project_id = :project group by status
            """;
    private static final String REQUEST_CANCEL = """
            update fine_tuning_job
            set cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
                status = case when status = 'running' then status else 'cancelled' end,
                finished_at = case when status = 'running' then null else clock_timestamp() end
            where id = :id and project_id = :project and finished_at is null
            returning status
            """;

    private final JdbcClient jdbc;
    private final TransactionOperations transactions;

    public Jobs(JdbcClient jdbc, TransactionOperations transactions) {
        this.jdbc = jdbc;
        this.transactions = transactions;
    }

    /** What became of a request to make a job. */
    public sealed interface Creation {
        /** It is queued. */
        record Made(Job job) implements Creation {}

        /** The request had come before; this is the job it made then. */
        record Existing(Job job) implements Creation {}

        /** A file it names is not there, or not any more. */
        record FileGone(String fileId) implements Creation {}
    }

    /**
     * Makes a job and queues it, unless a request with the same idempotency key made one before.
     *
     * @param repeated whether the client says that it sends this request again; without an idempotency key the same
     *     request of the last hour then counts as this one
     */
    public Creation create(NewJob job, boolean repeated) {
        return Objects.requireNonNull(transactions.execute(status -> {
            jdbc.sql("select pg_advisory_xact_lock(hashtextextended(:request, 0))")
                    .param("request", job.projectId() + job.requestSha256())
                    .query((row, n) -> 1)
                    .single();
            Optional<Job> existing = existing(job, repeated);
            if (existing.isPresent()) {
                return new Creation.Existing(existing.get());
            }
            return lockFiles(job).orElseGet(() -> insert(PublicId.next("ftjob-"), job));
        }));
    }

    private Optional<Job> existing(NewJob job, boolean repeated) {
        if (job.idempotencyKey() != null) {
            return one(BY_KEY, job.projectId(), "key", job.idempotencyKey());
        }
        return repeated ? one(BY_REQUEST, job.projectId(), "request", job.requestSha256()) : Optional.empty();
    }

    /** Holds the files against deletion until the job that needs them is there to be seen. */
    private Optional<Creation> lockFiles(NewJob job) {
        for (String file : files(job)) {
            List<@Nullable String> locked = jdbc.sql(LOCK_FILE)
                    .param("file", file)
                    .param("project", job.projectId())
                    .query(String.class)
                    .list();
            if (locked.isEmpty()) {
                return Optional.of(new Creation.FileGone(file));
            }
        }
        return Optional.empty();
    }

    private static List<String> files(NewJob job) {
        String validation = job.validationFile();
        return validation == null ? List.of(job.trainingFile()) : List.of(job.trainingFile(), validation);
    }

    private Creation insert(String id, NewJob job) {
        int inserted = jdbc.sql(CREATE)
                .param("id", id)
                .param("project", job.projectId())
                .param("model", job.model())
                .param("suffix", job.suffix())
                .param("training", job.trainingFile())
                .param("validation", job.validationFile())
                .param("seed", job.seed())
                .param("method", job.method())
                .param("spec", job.spec())
                .param("resolutions", job.resolutions())
                .param("metadata", job.metadata())
                .param("integrations", job.integrations())
                .param("idempotency", job.idempotencyKey())
                .param("request", job.requestSha256())
                .update();
        if (inserted == 0) {
            return new Creation.Existing(existing(job, false).orElseThrow());
        }
        event(id, "Created fine-tuning job: " + id);
        event(id, "Validating training file: " + job.trainingFile());
        event(id, "Files validated, moving job to queued state");
        return new Creation.Made(find(job.projectId(), id).orElseThrow());
    }

    private void event(String job, String message) {
        jdbc.sql(EVENT)
                .param("id", PublicId.next("ftevent-"))
                .param("job", job)
                .param("message", message)
                .update();
    }

    public Optional<Job> find(String projectId, String id) {
        return one(ONE, projectId, "id", id);
    }

    private Optional<Job> one(String sql, String projectId, String name, String value) {
        return jdbc.sql(sql)
                .param("project", projectId)
                .param(name, value)
                .query(Jobs::row)
                .optional();
    }

    /**
     * Jobs of a project, newest first.
     *
     * @param metadata JSON object whose pairs a job must have, or null for any
     * @param withoutMetadata only jobs that have none
     * @param after id of the last job of the page before, or null for the first page
     */
    public Page<Job> list(
            String projectId, @Nullable String metadata, boolean withoutMetadata, @Nullable String after, int limit) {
        return Page.of(
                jdbc.sql(LIST)
                        .param("project", projectId)
                        .param("metadata", metadata)
                        .param("withoutMetadata", withoutMetadata)
                        .param("after", after)
                        .param("limit", limit + 1)
                        .query(Jobs::row)
                        .list(),
                limit);
    }

    /** How many jobs are in each state; states without jobs are left out. */
    public Map<String, Long> counts(String projectId) {
        return jdbc
                .sql(COUNTS)
                .param("project", projectId)
                .query((row, n) -> Map.entry(row.getString(1), row.getLong(2)))
                .list()
                .stream()
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    /**
     * Cancels a job that no worker has, or asks the worker that has it.
     *
     * @return whether there was an open job of that id
     */
    public boolean requestCancel(String projectId, String id) {
        return Boolean.TRUE.equals(transactions.execute(status -> {
            List<@Nullable String> state = jdbc.sql(REQUEST_CANCEL)
                    .param("id", id)
                    .param("project", projectId)
                    .query(String.class)
                    .list();
            if (state.isEmpty()) {
                return false;
            }
            event(id, "running".equals(state.get(0)) ? "Cancellation requested" : "Fine-tuning job cancelled");
            return true;
        }));
    }

    private static Job row(ResultSet row, int n) throws SQLException {
        return new Job(
                row.getString("id"),
                row.getString("project_id"),
                row.getString("organization_id"),
                row.getString("status"),
                row.getString("model"),
                row.getString("suffix"),
                row.getString("training_file"),
                row.getString("validation_file"),
                row.getInt("seed"),
                row.getString("method_json"),
                row.getString("spec_json"),
                row.getString("resolutions_json"),
                row.getString("metadata_json"),
                row.getString("integrations_json"),
                row.getTimestamp("created_at").toInstant(),
                instant(row, "started_at"),
                instant(row, "finished_at"),
                instant(row, "cancel_requested_at"),
                row.getInt("attempts"),
                row.getString("phase"),
                row.getInt("step"),
                row.getObject("total_steps", Integer.class),
                instant(row, "estimated_finish"),
                row.getObject("trained_tokens", Long.class),
                row.getString("fine_tuned_model"),
                row.getString("result_file"),
                row.getString("error_code"),
                row.getString("error_message"),
                row.getString("error_param"),
                row.getString("worker"),
                row.getObject("loss_now", Double.class),
                row.getString("request_sha256"));
    }

    private static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
        Timestamp time = row.getTimestamp(column);
        return time == null ? null : time.toInstant();
    }
}
