package dev.lowrank.db;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The rows that a queue test needs around a job: organization {@code org-acme}, project, base {@code tiny}, files. */
public final class TestRows {
    public static final String PROJECT = "proj_test";
    public static final String BASE = "tiny";
    public static final String DIGEST = "a".repeat(64);

    private static final AtomicInteger COUNT = new AtomicInteger();

    private final JdbcClient jdbc;

    /** Writes what every job refers to. */
    public TestRows(JdbcClient jdbc) {
        this.jdbc = jdbc;
        jdbc.sql("insert into organization (id, name) values ('org-acme', 'Acme')")
                .update();
        jdbc.sql("insert into project (id, organization_id, name) values ('proj_test', 'org-acme', 'Test')")
                .update();
        base(BASE, "/models/tiny", DIGEST);
        blob(DIGEST, 100);
        file("file-train", DIGEST, 100);
    }

    public void base(String name, String path, String sha256) {
        jdbc.sql("insert into base_model (name, path, sha256, parameters) values (?, ?, ?, 1000)")
                .params(name, path, sha256)
                .update();
    }

    public void blob(String sha256, long bytes) {
        jdbc.sql("insert into blob (sha256, bytes) values (?, ?) on conflict do nothing")
                .params(sha256, bytes)
                .update();
    }

    public void file(String id, String sha256, long bytes) {
        jdbc.sql("""
                        insert into file (id, project_id, filename, purpose, sha256, bytes, status)
                        values (?, 'proj_test', 'train.jsonl', 'fine-tune', ?, ?, 'processed')
                        """).params(id, sha256, bytes).update();
    }

    /** A queued job of priority 0 on {@code file-train}; its id. */
    public String queuedJob() {
        return queuedJob(BASE, "file-train", "{}");
    }

    /** A queued job of priority 0; its id. */
    public String queuedJob(String model, String trainingFile, String spec) {
        String id = "ftjob-%06d".formatted(COUNT.incrementAndGet());
        jdbc.sql("""
                        insert into fine_tuning_job
                            (id, project_id, status, model, training_file, seed, method, spec, queued_at)
                        values (?, 'proj_test', 'queued', ?, ?, 7, '{"type": "supervised"}', cast(? as jsonb),
                            clock_timestamp())
                        """).params(id, model, trainingFile, spec).update();
        return id;
    }

    /** What the API does when a job's owner cancels it. */
    public void askToCancel(String job) {
        update(job, "cancel_requested_at = clock_timestamp()");
    }

    /** Sets columns of a job, as {@code "priority = 3"}. */
    public void update(String job, String assignment) {
        jdbc.sql("update fine_tuning_job set " + assignment + " where id = ?")
                .param(job)
                .update();
    }

    /** Makes a worker's heartbeat as old as one that was not heard from for a minute. */
    public void silence(String worker) {
        jdbc.sql("""
                        update worker
                        set heartbeat_at = clock_timestamp() - interval '60 s',
                            lease_until = clock_timestamp() - interval '30 s'
                        where id = ?
                        """).param(worker).update();
    }

    public String status(String job) {
        return String.valueOf(job(job).get("status"));
    }

    public Map<String, Object> job(String job) {
        return jdbc.sql("select * from fine_tuning_job where id = ?")
                .param(job)
                .query()
                .singleRow();
    }

    /** The job's attempts' outcomes in their order; "open" for one that has not ended. */
    public List<String> outcomes(String job) {
        return jdbc.sql("select coalesce(outcome, 'open') from job_attempt where job_id = ? order by number")
                .param(job)
                .query(String.class)
                .list();
    }

    /** The job's events in their order, metrics left out. */
    public List<String> messages(String job) {
        return jdbc.sql("select message from job_event where job_id = ? and type = 'message' order by sequence")
                .param(job)
                .query(String.class)
                .list();
    }

    public long count(String table) {
        return jdbc.sql("select count(*) from " + table).query(Long.class).single();
    }
}
