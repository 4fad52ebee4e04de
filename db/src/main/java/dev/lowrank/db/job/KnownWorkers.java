package dev.lowrank.db.job;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The workers that are there, and what each does. */
public final class KnownWorkers {
    /**
     * A worker process.
     *
     * @param secondsSinceHeartbeat by the database's clock
     * @param jobId the job it runs, or null
     */
    public record KnownWorker(
            String id,
            String host,
            String device,
            Instant startedAt,
            double secondsSinceHeartbeat,
            boolean alive,
            @Nullable String jobId) {}

    // Those that stopped or fell silent are shown for an hour, so that a person sees them go.
    private static final String LIST = """
            select w.id, w.host, w.device, w.started_at,
                extract(epoch from clock_timestamp() - w.heartbeat_at) as silent,
                w.stopped_at is null and w.lease_until > clock_timestamp() as alive,
                (select a.job_id from job_attempt a where a.worker_id = w.id and a.ended_at is null limit 1) as job
            from worker w where w.heartbeat_at > clock_timestamp() - interval '1 hour'
            order by alive desc, w.started_at, w.id
            """;

    private final JdbcClient jdbc;

    public KnownWorkers(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    public List<KnownWorker> list() {
        return jdbc.sql(LIST)
                .query((row, n) -> new KnownWorker(
                        row.getString("id"),
                        row.getString("host"),
                        row.getString("device"),
                        row.getTimestamp("started_at").toInstant(),
                        row.getDouble("silent"),
                        row.getBoolean("alive"),
                        row.getString("job")))
                .list();
    }
}
