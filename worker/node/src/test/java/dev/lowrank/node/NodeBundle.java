package dev.lowrank.node;

import static org.awaitility.Awaitility.await;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.TestRows;
import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.BlobStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Whole worker processes, with toy trainers, on a database and a data folder of their own. */
final class NodeBundle implements AutoCloseable {
    static final String SPEC = """
            {"base_model": "tiny", "training_file": "file-1", "training": {"checkpoint_every_steps": 3}}
            """;
    private static final Duration LONG = Duration.ofSeconds(30);

    final TestDatabase database = TestDatabase.create();
    final JdbcClient jdbc = JdbcClient.create(database.dataSource());
    final TestRows rows = new TestRows(jdbc);
    final Path data;
    /** How many workers would have ended their process. */
    final AtomicInteger ends = new AtomicInteger();

    final BlobStore blobs;
    private final List<ConfigurableApplicationContext> nodes = new ArrayList<>();

    NodeBundle(Path data) throws IOException {
        this.data = data;
        this.blobs = new BlobStore(data.resolve("blobs"));
        Files.createDirectories(data.resolve("models/toy"));
        rows.base("toy", "toy", "a".repeat(64));
        Blob blob = blobs.put(new ByteArrayInputStream("{\"text\": \"hello\"}\n".getBytes()), 1000);
        rows.blob(blob.sha256(), blob.bytes());
        rows.file("file-1", blob.sha256(), blob.bytes());
    }

    String submit() {
        return submit(SPEC);
    }

    String submit(String spec) {
        return rows.queuedJob("toy", "file-1", spec);
    }

    ConfigurableApplicationContext start(ToyTrainer trainer) {
        return start(trainer, Map.of());
    }

    ConfigurableApplicationContext start(ToyTrainer trainer, Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(Map.of(
                "LOWRANK_DATABASE_URL", database.jdbcUrl(),
                "LOWRANK_DATABASE_USER", database.user(),
                "LOWRANK_DATABASE_PASSWORD", database.password(),
                "LOWRANK_DATA", data.toString(),
                "LOWRANK_MODELS", data.resolve("models").toString(),
                "LOWRANK_POLL", "20ms",
                "LOWRANK_SWEEP", "50ms",
                "LOWRANK_HEARTBEAT", "100ms",
                "spring.main.register-shutdown-hook", "false"));
        settings.putAll(more);
        ConfigurableApplicationContext node = new SpringApplicationBuilder(NodeApplication.class)
                .properties(settings)
                .initializers(context -> prepare((GenericApplicationContext) context, trainer))
                .run();
        nodes.add(node);
        return node;
    }

    private void prepare(GenericApplicationContext context, ToyTrainer trainer) {
        context.registerBean("toy", Trainer.class, () -> trainer, bean -> bean.setPrimary(true));
        context.registerBean("noEnd", ProcessEnd.class, () -> ends::incrementAndGet, bean -> bean.setPrimary(true));
    }

    static String nameOf(ConfigurableApplicationContext node) {
        return node.getBean(WorkerName.class).id();
    }

    void waitForStatus(String job, String status) {
        await().atMost(LONG).pollInterval(Duration.ofMillis(20)).until(() -> rows.status(job), status::equals);
    }

    void waitUntil(java.util.concurrent.Callable<Boolean> condition) {
        await().atMost(LONG).pollInterval(Duration.ofMillis(20)).until(condition);
    }

    List<Integer> checkpoints(String job) {
        return jdbc.sql("select step from checkpoint where job_id = ? and removed_at is null order by step")
                .param(job)
                .query(Integer.class)
                .list();
    }

    /** The digest of the archive that the job registered. */
    String output(String job) {
        return jdbc.sql("select sha256 from adapter_version where job_id = ?")
                .param(job)
                .query(String.class)
                .single();
    }

    String text(String sql) {
        return jdbc.sql(sql).query(String.class).single();
    }

    @Override
    public void close() {
        database.allowConnections();
        nodes.forEach(ConfigurableApplicationContext::close);
    }
}
