package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Twenty jobs at once for two workers. */
@Timeout(300)
class TwentyJobsE2eTest {
    private static final int JOBS = 20;
    private static final String SETTINGS = """
            {"adapter": {"rank": 4}, "training": {"max_steps": 5, "micro_batch_size": 4, "learning_rate": 0.002}}""";

    @TempDir
    Path folder;

    @Test
    void eachRunsOnceAndNoneWaitsWhileAWorkerIsIdle() throws Exception {
        try (PlatformUnderTest platform = PlatformUnderTest.start(folder, 2);
                ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            String file = platform.upload(40);
            List<Callable<String>> submissions = IntStream.range(0, JOBS)
                    .<Callable<String>>mapToObj(i -> () -> platform.createJob(file, "job-" + i, SETTINGS))
                    .toList();
            for (Future<String> job : clients.invokeAll(submissions)) {
                platform.awaitSuccess(job.get());
            }
            assertThat(platform.query("select job_id from job_attempt"))
                    .hasSize(JOBS)
                    .doesNotHaveDuplicates();
            assertThat(platform.query("select count(distinct worker_id) from job_attempt"))
                    .containsExactly("2");
            assertThat(platform.query(IDLE_WHILE_A_JOB_WAITED)).isEmpty();
        }
    }

    /** Attempts that began more than a second after their worker was free and their job was queued. */
    private static final String IDLE_WHILE_A_JOB_WAITED = """
            select a.job_id || ' waited ' || (a.started_at - greatest(j.queued_at, before.ended_at))
            from job_attempt a
            join fine_tuning_job j on j.id = a.job_id
            join lateral (select max(b.ended_at) as ended_at from job_attempt b
                          where b.worker_id = a.worker_id and b.ended_at <= a.started_at) before on true
            where a.started_at - greatest(j.queued_at, before.ended_at) > interval '1 second'""";
}
