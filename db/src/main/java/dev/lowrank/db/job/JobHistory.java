package dev.lowrank.db.job;

import dev.lowrank.db.Page;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What happened to a job: its events, steps, checkpoints and attempts. The caller has made sure whose job it is. */
public final class JobHistory {
    /** A line of a job's story; {@code data} is JSON or null. */
    public record Event(
            long sequence,
            String id,
            Instant createdAt,
            String level,
            String type,
            String message,
            @Nullable String data) {}

    /** One optimizer step, counted from 1. */
    public record Step(
            int step,
            @Nullable Double loss,
            @Nullable Double gradNorm,
            double learningRate,
            long trainedTokens,
            @Nullable Double tokensPerSecond,
            @Nullable Double tokenAccuracy,
            @Nullable Double validLoss,
            @Nullable Double validTokenAccuracy) {}

    /** A checkpoint that can be resumed from; {@code metrics} is JSON. */
    public record SavedCheckpoint(String id, int step, long bytes, String metrics, Instant createdAt) {}

    /** Who ran the job, from which step, how it ended and why; {@code outcome} is null while it runs. */
    public record Attempt(
            int number,
            String workerId,
            String device,
            int fromStep,
            Instant startedAt,
            @Nullable Instant endedAt,
            @Nullable String outcome,
            @Nullable String reason) {}

    private static final String EVENTS = """
            select sequence, id, created_at, level, type, message, data::text as data from job_event
            where job_id = :job and (cast(:after as text) is null
                or sequence < (select sequence from job_event where id = :after and job_id = :job))
            order by sequence desc limit :limit
            """;
    private static final String EVENTS_SINCE = """
            select sequence, id, created_at, level, type, message, data::text as data from job_event
            where job_id = :job and sequence > :sequence order by sequence limit :limit
            """;
    private static final String STEPS = """
            select step, loss, grad_norm, learning_rate, trained_tokens, tokens_per_second, token_accuracy, valid_loss,
                valid_token_accuracy
            from job_metric where job_id = :job and step > :step order by step limit :limit
            """;
    private static final String CHECKPOINTS = """
            select id, step, bytes, metrics::text as metrics, created_at from checkpoint
            where job_id = :job and removed_at is null and (cast(:after as text) is null
                or step < (select step from checkpoint where id = :after and job_id = :job))
            order by step desc limit :limit
            """;
    private static final String ATTEMPTS = """
            select a.number, a.worker_id, w.device, a.from_step, a.started_at, a.ended_at, a.outcome, a.reason
            from job_attempt a join worker w on w.id = a.worker_id
            where a.job_id = :job order by a.number
            """;

    private final JdbcClient jdbc;

    public JobHistory(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** Newest first. */
    public Page<Event> events(String jobId, @Nullable String after, int limit) {
        return Page.of(
                jdbc.sql(EVENTS)
                        .param("job", jobId)
                        .param("after", after)
                        .param("limit", limit + 1)
                        .query(JobHistory::event)
                        .list(),
                limit);
    }

    /** Oldest first, after a sequence number (0 for all). */
    public List<Event> eventsSince(String jobId, long sequence, int limit) {
        return jdbc.sql(EVENTS_SINCE)
                .param("job", jobId)
                .param("sequence", sequence)
                .param("limit", limit)
                .query(JobHistory::event)
                .list();
    }

    /** Oldest first, after a step (0 for all). */
    public Page<Step> steps(String jobId, int afterStep, int limit) {
        return Page.of(
                jdbc.sql(STEPS)
                        .param("job", jobId)
                        .param("step", afterStep)
                        .param("limit", limit + 1)
                        .query(JobHistory::step)
                        .list(),
                limit);
    }

    /** Newest first. */
    public Page<SavedCheckpoint> checkpoints(String jobId, @Nullable String after, int limit) {
        return Page.of(
                jdbc.sql(CHECKPOINTS)
                        .param("job", jobId)
                        .param("after", after)
                        .param("limit", limit + 1)
                        .query((row, n) -> new SavedCheckpoint(
                                row.getString("id"),
                                row.getInt("step"),
                                row.getLong("bytes"),
                                row.getString("metrics"),
                                row.getTimestamp("created_at").toInstant()))
                        .list(),
                limit);
    }

    /** Oldest first. */
    public List<Attempt> attempts(String jobId) {
        return jdbc.sql(ATTEMPTS).param("job", jobId).query(JobHistory::attempt).list();
    }

    static Event event(ResultSet row, int n) throws SQLException {
        return new Event(
                row.getLong("sequence"),
                row.getString("id"),
                row.getTimestamp("created_at").toInstant(),
                row.getString("level"),
                row.getString("type"),
                row.getString("message"),
                row.getString("data"));
    }

    private static Step step(ResultSet row, int n) throws SQLException {
        return new Step(
                row.getInt("step"),
                row.getObject("loss", Double.class),
                row.getObject("grad_norm", Double.class),
                row.getDouble("learning_rate"),
                row.getLong("trained_tokens"),
                row.getObject("tokens_per_second", Double.class),
                row.getObject("token_accuracy", Double.class),
                row.getObject("valid_loss", Double.class),
                row.getObject("valid_token_accuracy", Double.class));
    }

    private static Attempt attempt(ResultSet row, int n) throws SQLException {
        Timestamp ended = row.getTimestamp("ended_at");
        return new Attempt(
                row.getInt("number"),
                row.getString("worker_id"),
                row.getString("device"),
                row.getInt("from_step"),
                row.getTimestamp("started_at").toInstant(),
                ended == null ? null : ended.toInstant(),
                row.getString("outcome"),
                row.getString("reason"));
    }
}
