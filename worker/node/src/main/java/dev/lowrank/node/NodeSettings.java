package dev.lowrank.node;

import java.nio.file.Path;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;

/**
 * How a worker works. Each comes from the environment as {@code LOWRANK_} and its name; the database from
 * {@code LOWRANK_DATABASE_URL}, {@code _USER} and {@code _PASSWORD}.
 *
 * @param data folder shared with the API and all other workers: {@code blobs/} and {@code runs/}
 * @param models folder against which a base's relative path is read
 * @param device what to train on: {@code cpu}, or a GPU: {@code cuda}, {@code cuda:1} and so on
 * @param threads processors to train on, 0 for all there are; a resumed run gives the same bytes on the same number
 * @param poll time between two looks at the queue, give or take half
 * @param lease how long after its last heartbeat a worker counts as lost
 * @param heartbeat time between two heartbeats, at most a quarter of the lease
 * @param sweep time between two looks for lost jobs, give or take half
 * @param shutdown how long a worker that was told to end waits for its job's next checkpoint before it hands the job back
 *     as it is
 */
@ConfigurationProperties("lowrank")
record NodeSettings(
        Path data,
        Path models,
        String device,
        int threads,
        Duration poll,
        Duration lease,
        Duration heartbeat,
        Duration sweep,
        Duration shutdown) {
    NodeSettings {
        require(threads >= 0, "LOWRANK_THREADS is %s, but must be 0 (all processors) or more.", threads);
        require(poll.isPositive(), "LOWRANK_POLL is %s, but must be positive.", poll);
        require(sweep.isPositive(), "LOWRANK_SWEEP is %s, but must be positive.", sweep);
        require(!shutdown.isNegative(), "LOWRANK_SHUTDOWN is %s, but must not be negative.", shutdown);
        require(heartbeat.isPositive(), "LOWRANK_HEARTBEAT is %s, but must be positive.", heartbeat);
        require(
                heartbeat.multipliedBy(4).compareTo(lease) <= 0,
                "LOWRANK_HEARTBEAT is %s, but must be at most a quarter of LOWRANK_LEASE (%s).",
                heartbeat,
                lease);
    }

    private static void require(boolean holds, String problem, Object... values) {
        if (!holds) {
            throw new IllegalArgumentException(problem.formatted(values));
        }
    }

    /** All processors, or as many as were asked for. */
    int processors() {
        return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    }
}
