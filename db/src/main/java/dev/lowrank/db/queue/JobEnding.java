package dev.lowrank.db.queue;

import dev.lowrank.db.PublicId;
import dev.lowrank.db.blob.Blobs;
import java.sql.Types;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/**
 * The ways in which the holder of a lease ends its attempt. Each is one short transaction that begins by ending the open
 * attempt of its token; if there is none it writes nothing and throws {@link LeaseLostException}. To call one again
 * after an answer was lost on the way is safe: an ending that is already there is not an error. A cancel that was asked for
 * before wins over every other ending; the methods then answer false.
 */
public final class JobEnding {
    private static final String CANCELLED = "cancelled";

    private static final String LOCK = """
            with held as (
                select job_id from job_attempt where lease_token = :token and ended_at is null for update
            )
            select j.cancel_requested_at is not null
            from held join fine_tuning_job j on j.id = held.job_id for update of j
            """;

    private static final String END = """
            update job_attempt set ended_at = clock_timestamp(), outcome = :outcome, reason = :reason
            where lease_token = :token and ended_at is null
            """;

    private static final String OUTCOME = """
            select outcome from job_attempt where lease_token = :token and ended_at is not null
            """;

    private static final String RESULT_FILE = """
            insert into file (id, project_id, filename, purpose, sha256, bytes, status)
            select :id, project_id, 'step_metrics.csv', 'fine-tune-results', :sha256, :bytes, 'processed'
            from fine_tuning_job where id = :job
            """;

    // The update that changes nothing locks the adapter, so that its versions are numbered one after the other.
    private static final String ADAPTER = """
            insert into adapter (id, project_id, name, base_model)
            select :id, project_id, :name, :base from fine_tuning_job where id = :job
            on conflict (project_id, name) do update set name = excluded.name
            where adapter.base_model = excluded.base_model
            returning id
            """;

    private static final String VERSION = """
            insert into adapter_version
                (adapter_id, number, job_id, sha256, bytes, base_sha256, spec, metrics, verdict)
            select :adapter, coalesce(max(number), 0) + 1, :job, :sha256, :bytes, :base, cast(:spec as jsonb),
                cast(:metrics as jsonb), cast(:verdict as jsonb)
            from adapter_version where adapter_id = :adapter
            """;

    private static final String SUCCEED = """
            update fine_tuning_job
            set status = 'succeeded', lease_token = null, phase = null, estimated_finish = null,
                finished_at = clock_timestamp(), fine_tuned_model = :model, result_file = :file,
                trained_tokens = (select coalesce(sum(trained_tokens), 0) from job_metric where job_id = :job)
            where id = :job
            """;

    private static final String FAIL = """
            update fine_tuning_job
            set status = 'failed', lease_token = null, phase = null, estimated_finish = null,
                finished_at = clock_timestamp(), error_code = :code, error_message = :message, error_param = :param
            where id = :job
            """;

    private static final String CANCEL = """
            update fine_tuning_job
            set status = 'cancelled', lease_token = null, phase = null, estimated_finish = null,
                finished_at = clock_timestamp()
            where id = :job
            """;

    private static final String REQUEUE = """
            update fine_tuning_job
            set status = 'queued', lease_token = null, phase = null, estimated_finish = null,
                step = (select coalesce(max(step), 0) from checkpoint where job_id = :job and removed_at is null)
            where id = :job
            returning step
            """;

    private static final String FAILURES = """
            select count(*) from job_attempt where job_id = :job and outcome = 'failed'
            """;

    private static final String EVENT = """
            insert into job_event (id, job_id, level, type, message) values (:id, :job, :level, 'message', :message)
            """;

    private final JdbcClient jdbc;
    private final TransactionOperations transactions;
    private final Blobs blobs;

    public JobEnding(JdbcClient jdbc, TransactionOperations transactions) {
        this.jdbc = jdbc;
        this.transactions = transactions;
        this.blobs = new Blobs(jdbc);
    }

    /**
     * Registers the result as the adapter's next version and ends the job; both or neither.
     *
     * @return false if the job was cancelled instead
     */
    public boolean succeeded(Lease lease, Result result) {
        return end(lease, "succeeded", null, () -> register(lease.jobId(), result));
    }

    /** Ends the job for good; nobody will try it again. */
    public boolean failed(Lease lease, Failure failure) {
        return end(lease, "failed", failure.message(), () -> fail(lease.jobId(), failure));
    }

    /**
     * Ends the attempt after a fault that may not happen again: the job is queued again, unless {@code retries} attempts
     * failed before this one.
     */
    public boolean failedForNow(Lease lease, Failure failure, int retries) {
        return end(lease, "failed", failure.message(), () -> {
            if (failuresSoFar(lease.jobId()) >= retries) {
                fail(lease.jobId(), failure);
            } else {
                requeue(
                        lease.jobId(),
                        JobEvent.Level.WARN,
                        "Attempt %d failed: %s".formatted(lease.attempt(), failure.message()));
            }
        });
    }

    /** Ends a job whose owner asked for it; its checkpoints stay. */
    public void cancelled(Lease lease) {
        end(lease, CANCELLED, null, () -> {
            throw new IllegalStateException("Nobody asked for %s to be cancelled.".formatted(lease));
        });
    }

    /** Gives the job back because this worker has to go; that is not the job's fault and not counted against it. */
    public boolean preempted(Lease lease, String reason) {
        String message = "Attempt %d was interrupted: %s.".formatted(lease.attempt(), reason);
        return end(lease, "preempted", reason, () -> requeue(lease.jobId(), JobEvent.Level.INFO, message));
    }

    private boolean end(Lease lease, String outcome, @Nullable String reason, Runnable move) {
        Boolean moved = transactions.execute(status -> {
            Optional<Boolean> cancelAsked = jdbc.sql(LOCK)
                    .param("token", lease.token())
                    .query(Boolean.class)
                    .optional();
            if (cancelAsked.isEmpty()) {
                return alreadyEnded(lease, outcome);
            }
            if (cancelAsked.get()) {
                cancel(lease.jobId());
                endAttempt(lease, CANCELLED, "its owner cancelled the job");
                return false;
            }
            move.run();
            endAttempt(lease, outcome, reason);
            return true;
        });
        return Boolean.TRUE.equals(moved);
    }

    private void endAttempt(Lease lease, String outcome, @Nullable String reason) {
        jdbc.sql(END)
                .param("token", lease.token())
                .param("outcome", outcome)
                .param("reason", reason, Types.VARCHAR)
                .update();
    }

    private boolean alreadyEnded(Lease lease, String wanted) {
        String outcome = jdbc.sql(OUTCOME)
                .param("token", lease.token())
                .query(String.class)
                .optional()
                .orElse("");
        if (outcome.equals(CANCELLED)) {
            return false;
        }
        if (outcome.equals(wanted)) {
            return true;
        }
        throw new LeaseLostException(lease);
    }

    private void register(String job, Result result) {
        blobs.add(result.output());
        blobs.add(result.stepMetrics());
        String file = PublicId.next("file-");
        jdbc.sql(RESULT_FILE)
                .param("id", file)
                .param("job", job)
                .param("sha256", result.stepMetrics().sha256())
                .param("bytes", result.stepMetrics().bytes())
                .update();
        jdbc.sql(VERSION)
                .param("adapter", adapter(job, result))
                .param("job", job)
                .param("sha256", result.output().sha256())
                .param("bytes", result.output().bytes())
                .param("base", result.baseSha256())
                .param("spec", result.spec())
                .param("metrics", result.metrics())
                .param("verdict", result.verdict())
                .update();
        jdbc.sql(SUCCEED)
                .param("job", job)
                .param("model", result.fineTunedModel())
                .param("file", file)
                .update();
        event(job, JobEvent.Level.INFO, "New fine-tuned model created: " + result.fineTunedModel());
        event(job, JobEvent.Level.INFO, "The job has successfully completed");
    }

    /** The project's adapter of that name; if it belongs to another base, the one named after this base as well. */
    private String adapter(String job, Result result) {
        return adapter(job, result.adapterName(), result.baseModel())
                .or(() ->
                        adapter(job, AdapterName.onBase(result.adapterName(), result.baseModel()), result.baseModel()))
                .orElseThrow(() -> new IllegalStateException(
                        "The adapter name %s is taken by another base.".formatted(result.adapterName())));
    }

    private Optional<String> adapter(String job, String name, String base) {
        return jdbc.sql(ADAPTER)
                .param("id", PublicId.next("adapter-"))
                .param("job", job)
                .param("name", name)
                .param("base", base)
                .query(String.class)
                .optional();
    }

    private void fail(String job, Failure failure) {
        jdbc.sql(FAIL)
                .param("job", job)
                .param("code", failure.code())
                .param("message", failure.message())
                .param("param", failure.param(), Types.VARCHAR)
                .update();
        event(job, JobEvent.Level.ERROR, "The job failed: " + failure.message());
    }

    private void cancel(String job) {
        jdbc.sql(CANCEL).param("job", job).update();
        event(job, JobEvent.Level.INFO, "The job was cancelled");
    }

    private void requeue(String job, JobEvent.Level level, String why) {
        int step = jdbc.sql(REQUEUE).param("job", job).query(Integer.class).single();
        String next = step > 0
                ? " The job will go on from the checkpoint at step %d.".formatted(step)
                : " The job will start again.";
        event(job, level, why + next);
    }

    private long failuresSoFar(String job) {
        return jdbc.sql(FAILURES).param("job", job).query(Long.class).single();
    }

    private void event(String job, JobEvent.Level level, String message) {
        jdbc.sql(EVENT)
                .param("id", PublicId.next("ftevent-"))
                .param("job", job)
                .param("level", level.word())
                .param("message", message)
                .update();
    }
}
