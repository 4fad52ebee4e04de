package dev.lowrank.db.queue;

import dev.lowrank.db.PublicId;
import java.sql.Types;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What the holder of a lease writes while it works. Each write is one statement that locks the open attempt of its token:
 * if there is none any more it writes nothing and throws {@link LeaseLostException}.
 */
public final class JobReports {
    private static final String PROGRESS = """
            with held as (
                update job_attempt
                set progressed_at = clock_timestamp(), progress_due_at = clock_timestamp() + :due * interval '1 second'
                where lease_token = :token and ended_at is null
                returning job_id
            )
            update fine_tuning_job j
            set phase = :phase, step = :step, total_steps = coalesce(:total, total_steps),
                estimated_finish = clock_timestamp() + :remaining * interval '1 second'
            from held
            where j.id = held.job_id
            returning cancel_requested_at is not null
            """;

    private static final String HELD = """
            with held as (
                select job_id from job_attempt where lease_token = :token and ended_at is null for share
            )
            """;

    private static final String METRICS = HELD + """
            , written as (
                insert into job_metric (job_id, step, loss, grad_norm, learning_rate, trained_tokens, tokens_per_second,
                    token_accuracy, lease_token)
                select held.job_id, m.*, :token
                from held cross join unnest(cast(:steps as int[]), cast(:losses as float8[]), cast(:norms as float8[]),
                    cast(:rates as float8[]), cast(:tokens as bigint[]), cast(:speeds as float8[]),
                    cast(:accuracies as float8[])) m
                on conflict (job_id, step) do update
                set loss = excluded.loss, grad_norm = excluded.grad_norm, learning_rate = excluded.learning_rate,
                    trained_tokens = excluded.trained_tokens, tokens_per_second = excluded.tokens_per_second,
                    token_accuracy = excluded.token_accuracy, lease_token = excluded.lease_token,
                    created_at = excluded.created_at
            )
            select job_id from held
            """;

    private static final String HELD_OUT = HELD + """
            , written as (
                update job_metric m set valid_loss = :loss, valid_token_accuracy = :accuracy, lease_token = :token
                from held where m.job_id = held.job_id and m.step = :step
            )
            select job_id from held
            """;

    private static final String EVENT = HELD + """
            , written as (
                insert into job_event (id, job_id, level, type, message, data)
                select :id, job_id, :level, :type, :message, cast(:data as jsonb) from held
            )
            select job_id from held
            """;

    // A step that is trained again after its checkpoint was gone keeps its id; only the files are new.
    private static final String CHECKPOINT = HELD + """
            , written as (
                insert into checkpoint (id, job_id, step, directory, manifest_sha256, bytes, metrics, lease_token)
                select :id, job_id, :step, :directory, :manifest, :bytes, cast(:metrics as jsonb), :token from held
                on conflict (job_id, step) do update
                set directory = excluded.directory, manifest_sha256 = excluded.manifest_sha256, bytes = excluded.bytes,
                    metrics = excluded.metrics, lease_token = excluded.lease_token, removed_at = null
            ), event as (
                insert into job_event (id, job_id, level, type, message)
                select :event, job_id, 'info', 'message', format('Checkpoint created at step %s', :step::int) from held
            )
            select job_id from held
            """;

    private static final String REMOVED = HELD + """
            , written as (
                update checkpoint c set removed_at = clock_timestamp()
                from held where c.job_id = held.job_id and c.step = :step and c.removed_at is null
            )
            select job_id from held
            """;

    private static final String CHECKPOINTS = """
            select c.step, c.directory, c.manifest_sha256, c.bytes, c.metrics::text as metrics
            from checkpoint c where c.job_id = :job and c.removed_at is null
            order by c.step desc
            """;

    private static final String STORED_METRICS = """
            select step, loss, grad_norm, learning_rate, trained_tokens, tokens_per_second, token_accuracy, valid_loss,
                valid_token_accuracy
            from job_metric where job_id = :job
            order by step
            """;

    private final JdbcClient jdbc;

    public JobReports(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /**
     * Says how far the work is, which also puts off the moment at which the attempt counts as stuck.
     *
     * @return whether the job's owner asked for it to be cancelled
     */
    public boolean progress(Lease lease, Progress progress) {
        return jdbc.sql(PROGRESS)
                .param("token", lease.token())
                .param("phase", progress.phase().word())
                .param("step", progress.step())
                .param("total", progress.totalSteps(), Types.INTEGER)
                .param("due", Seconds.of(progress.nextWithin()))
                .param(
                        "remaining",
                        progress.remaining() == null ? null : Seconds.of(progress.remaining()),
                        Types.DOUBLE)
                .query(Boolean.class)
                .optional()
                .orElseThrow(() -> new LeaseLostException(lease));
    }

    /** Stores steps' figures; a step written before, by this attempt or an earlier one, is replaced. */
    public void metrics(Lease lease, List<Metric> metrics) {
        write(
                lease,
                jdbc.sql(METRICS)
                        .param("steps", column(metrics, Integer.class, Metric::step))
                        .param("losses", column(metrics, Double.class, Metric::loss))
                        .param("norms", column(metrics, Double.class, Metric::gradNorm))
                        .param("rates", column(metrics, Double.class, Metric::learningRate))
                        .param("tokens", column(metrics, Long.class, Metric::trainedTokens))
                        .param("speeds", column(metrics, Double.class, Metric::tokensPerSecond))
                        .param("accuracies", column(metrics, Double.class, Metric::tokenAccuracy)));
    }

    /** Adds the held-out rows' loss and accuracy to a step's figures. */
    public void heldOut(Lease lease, int step, double loss, double tokenAccuracy) {
        write(lease, jdbc.sql(HELD_OUT).param("step", step).param("loss", loss).param("accuracy", tokenAccuracy));
    }

    public void event(Lease lease, JobEvent event) {
        write(
                lease,
                jdbc.sql(EVENT)
                        .param("id", PublicId.next("ftevent-"))
                        .param("level", event.level().word())
                        .param("type", event.type())
                        .param("message", event.message())
                        .param("data", event.data(), Types.VARCHAR));
    }

    /** Makes a checkpoint known, with its event; the files are complete and synced. */
    public void checkpoint(Lease lease, Checkpoint checkpoint) {
        write(
                lease,
                jdbc.sql(CHECKPOINT)
                        .param("id", PublicId.next("ftckpt_"))
                        .param("event", PublicId.next("ftevent-"))
                        .param("step", checkpoint.step())
                        .param("directory", checkpoint.directory())
                        .param("manifest", checkpoint.manifestSha256())
                        .param("bytes", checkpoint.bytes())
                        .param("metrics", checkpoint.metrics()));
    }

    /** A checkpoint will not be resumed from any more; call it before its files go. */
    public void checkpointRemoved(Lease lease, int step) {
        write(lease, jdbc.sql(REMOVED).param("step", step));
    }

    /** The job's checkpoints that still have files, newest first. */
    public List<Checkpoint> checkpoints(Lease lease) {
        return Rows.all(jdbc.sql(CHECKPOINTS).param("job", lease.jobId()).query(Checkpoint.class));
    }

    /** All steps' figures, of all attempts, by step. */
    public List<Metric> metrics(Lease lease) {
        return Rows.all(jdbc.sql(STORED_METRICS).param("job", lease.jobId()).query(Metric.class));
    }

    private static void write(Lease lease, JdbcClient.StatementSpec statement) {
        if (statement
                .param("token", lease.token())
                .query(String.class)
                .optional()
                .isEmpty()) {
            throw new LeaseLostException(lease);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T> @Nullable T[] column(List<Metric> metrics, Class<T> type, Function<Metric, @Nullable T> value) {
        return metrics.stream().map(value).toArray(length -> (T[]) java.lang.reflect.Array.newInstance(type, length));
    }
}
