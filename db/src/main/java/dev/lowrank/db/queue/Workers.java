package dev.lowrank.db.queue;

import java.time.Duration;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The worker processes and their heartbeats, all by the database's clock. */
public final class Workers {
    private static final String REGISTER = """
            insert into worker (id, host, process_id, device, lease_until)
            values (:id, :host, :process, :device, clock_timestamp() + :ttl * interval '1 second')
            """;
    private static final String BEAT = """
            update worker
            set heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + :ttl * interval '1 second'
            where id = :id
            """;
    private static final String STOPPED = """
            update worker set stopped_at = clock_timestamp() where id = :id and stopped_at is null
            """;

    private final JdbcClient jdbc;

    public Workers(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /**
     * Makes a worker known, alive for {@code ttl}.
     *
     * @param id {@code worker-…}, new for each process
     */
    public void register(String id, String host, long processId, String device, Duration ttl) {
        jdbc.sql(REGISTER)
                .param("id", id)
                .param("host", host)
                .param("process", processId)
                .param("device", device)
                .param("ttl", Seconds.of(ttl))
                .update();
    }

    /** Renews a worker that holds no job; one that does renews with {@link JobQueue#renew}. */
    public void beat(String id, Duration ttl) {
        jdbc.sql(BEAT).param("id", id).param("ttl", Seconds.of(ttl)).update();
    }

    /** The process ends on purpose; what it should still hold is taken back at the next sweep. */
    public void stopped(String id) {
        jdbc.sql(STOPPED).param("id", id).update();
    }
}
