package dev.lowrank.node;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import dev.lowrank.db.TestDatabase;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.TrainingFailure;
import dev.lowrank.kernels.DeviceLostException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.jdbc.core.simple.JdbcClient;

class JobLifeTest {
    @TempDir
    Path data;

    private final ToyTrainer toy = new ToyTrainer();
    private NodeBundle bundle;

    @BeforeEach
    void createBundle() throws IOException {
        bundle = new NodeBundle(data);
    }

    @AfterEach
    void closeBundle() {
        bundle.close();
    }

    @Test
    void aJobGoesThroughAllPhasesAndBecomesAVersion() throws IOException {
        String job = bundle.submit();
        bundle.rows.update(job, "suffix = 'My Bot'");
        bundle.start(toy);
        bundle.waitForStatus(job, "succeeded");
        assertThat(bundle.rows.job(job))
                .containsEntry("step", 10)
                .containsEntry("total_steps", 10)
                .containsEntry("trained_tokens", 400L);
        assertThat(String.valueOf(bundle.rows.job(job).get("fine_tuned_model")))
                .matches("ft:toy:acme:My Bot:[0-9a-z]{8}");
        assertThat(bundle.text("select name || ' ' || number from adapter join adapter_version on adapter_id = id"))
                .isEqualTo("my-bot 1");
        assertThat(bundle.text("select metrics->'held_out'->>'tuned_loss' from adapter_version"))
                .isEqualTo("1.0");
        assertThat(bundle.text("select verdict->'checks'->0->>'name' from adapter_version"))
                .isEqualTo("finite");
        assertThat(bundle.rows.outcomes(job)).containsExactly("succeeded");
        assertThat(bundle.rows.messages(job))
                .startsWith("Fine-tuning job started")
                .contains(
                        "Checkpoint created at step 3",
                        "2 of 40 examples are longer than max_length and were cut off",
                        "Held-out loss: 1.0000, and 3.0000 for the base alone (50 tokens)")
                .endsWith("The job has successfully completed");
        try (ZipFile zip = new ZipFile(bundle.blobs.open(bundle.output(job)).toFile())) {
            assertThat(zip.stream().map(Object::toString)).containsExactly("adapter");
        }
        assertThat(Files.readAllLines(bundle.blobs.open(
                        bundle.text("select f.sha256 from file f join fine_tuning_job j on j.result_file = f.id"))))
                .hasSize(11)
                .startsWith("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy", "1,3.0,0.5,,")
                .endsWith("10,0.3,0.5,1.0,0.75");
    }

    @Test
    void everyStepHasFiguresAndTheNewestCheckpointsAreKept() throws IOException {
        String job = bundle.submit(NodeBundle.SPEC.replace(": 3", ": 2"));
        bundle.start(toy);
        bundle.waitForStatus(job, "succeeded");
        assertThat(bundle.rows.count("job_metric")).isEqualTo(10);
        assertThat(bundle.checkpoints(job)).containsExactly(6, 8, 10);
        Path attempt = data.resolve("runs").resolve(job).resolve("attempt-001");
        try (Stream<Path> folders = Files.list(attempt.resolve("checkpoints"))) {
            assertThat(folders.map(Path::getFileName).map(Path::toString))
                    .containsExactlyInAnyOrder("step-000006", "step-000008", "step-000010");
        }
        bundle.waitUntil(() -> Files.notExists(attempt.resolve("output")));
        assertThat(bundle.text("select metrics->>'train_loss' from checkpoint where step = 10"))
                .isEqualTo("0.3");
        assertThat(bundle.text("select directory from checkpoint where step = 10"))
                .isEqualTo("runs/" + job + "/attempt-001/checkpoints/step-000010");
        assertThat(bundle.text("select string_agg(data->>'step', ' ' order by sequence) from job_event "
                        + "where type = 'metrics'"))
                .startsWith("1")
                .endsWith("10");
    }

    @Test
    void aRunThatStopsEarlyIsAVersionWithTheLossOfItsBestStep() throws IOException {
        toy.bestStep = 5;
        toy.heldOut = new HeldOut(3, 1.25, 0.25, 0.5, 50);
        String job = bundle.submit();
        bundle.start(toy);
        bundle.waitForStatus(job, "succeeded");
        assertThat(bundle.rows.job(job)).containsEntry("step", 6).containsEntry("total_steps", 10);
        assertThat(bundle.rows.messages(job)).contains("Stopped early.");
        assertThat(bundle.text("select string_agg(data->>'valid_loss', ' ' order by sequence) from job_event "
                        + "where message like '%validation loss%'"))
                .isEqualTo("1.25 1.5");
        assertThat(bundle.text("select (metrics->>'steps') || ' ' || (metrics->>'result_step') from adapter_version"))
                .isEqualTo("6 5");
        assertThat(bundle.text("select metrics->>'valid_loss' from checkpoint where step = 6"))
                .isEqualTo("1.5");
        assertThat(Files.readAllLines(bundle.blobs.open(
                        bundle.text("select f.sha256 from file f join fine_tuning_job j on j.result_file = f.id"))))
                .endsWith("4,0.75,0.5,,", "5,0.6,0.5,1.25,0.5", "6,0.5,0.5,1.5,0.5");
    }

    @Test
    void springBatchSawFiveStepsOfOneInstanceAndKeepsNoState() {
        String job = bundle.submit();
        bundle.start(toy);
        bundle.waitForStatus(job, "succeeded");
        bundle.waitUntil(() ->
                bundle.text("select status from batch.batch_job_execution").equals("COMPLETED"));
        assertThat(bundle.text("select string_agg(step_name || ' ' || status, ', ' order by step_execution_id) "
                        + "from batch.batch_step_execution"))
                .isEqualTo(
                        "prepare COMPLETED, train COMPLETED, evaluate COMPLETED, verify COMPLETED, register COMPLETED");
        assertThat(bundle.text(
                        "select string_agg(parameter_name || '=' || parameter_value, ' ' order by parameter_name) "
                                + "from batch.batch_job_execution_params"))
                .isEqualTo("job=" + job + " lease=1");
        assertThat(bundle.text("select max(length(short_context))::text from batch.batch_step_execution_context"))
                .satisfies(length -> assertThat(Integer.parseInt(length)).isLessThan(300));
    }

    @Test
    void noTransactionIsOpenAndNoConnectionIsHeldWhileAPhaseWorks() {
        Gate gate = new Gate();
        toy.onOpen = gate;
        String job = bundle.submit();
        ConfigurableApplicationContext node = bundle.start(toy);
        gate.awaitReached();
        HikariPoolMXBean pool = node.getBean(HikariDataSource.class).getHikariPoolMXBean();
        bundle.waitUntil(() -> pool.getActiveConnections() == 0);
        assertThat(bundle.rows.count("pg_stat_activity where state like 'idle in transaction%'"))
                .isZero();
        gate.open();
        bundle.waitForStatus(job, "succeeded");
    }

    @Test
    void cancellingARunningJobKeepsItsLastCheckpoint() {
        Gate gate = new Gate();
        toy.before.put(6, gate);
        String job = bundle.submit();
        bundle.start(toy);
        gate.awaitReached();
        bundle.rows.askToCancel(job);
        waitForSignal();
        gate.open();
        bundle.waitForStatus(job, "cancelled");
        assertThat(bundle.rows.outcomes(job)).containsExactly("cancelled");
        assertThat(bundle.checkpoints(job)).containsExactly(3, 5);
        assertThat(bundle.rows.count("adapter_version")).isZero();
    }

    /** The heartbeat after the request has told the worker. */
    private void waitForSignal() {
        String asked = "select (select min(heartbeat_at) from worker) > (select min(cancel_requested_at) "
                + "from fine_tuning_job)";
        bundle.waitUntil(() -> bundle.jdbc.sql(asked).query(Boolean.class).single());
    }

    @Test
    void closingTheProcessHandsTheJobBackAndTheNextWorkerEndsItAsIfNothingHadHappened() {
        String undisturbed = bundle.submit();
        ConfigurableApplicationContext first = bundle.start(toy);
        bundle.waitForStatus(undisturbed, "succeeded");
        Gate gate = new Gate();
        toy.before.put(5, gate);
        String job = bundle.submit();
        gate.awaitReached();
        CompletableFuture<Void> closing = CompletableFuture.runAsync(first::close);
        bundle.waitUntil(() -> !first.getBean(WorkLoop.class).isRunning());
        gate.open();
        closing.join();
        assertThat(bundle.rows.status(job)).isEqualTo("queued");
        assertThat(bundle.rows.outcomes(job)).containsExactly("preempted");
        assertThat(bundle.checkpoints(job)).containsExactly(3, 4);
        assertThat(bundle.rows.count("worker where stopped_at is not null")).isEqualTo(1);
        bundle.start(new ToyTrainer());
        bundle.waitForStatus(job, "succeeded");
        assertThat(bundle.rows.messages(job))
                .contains("Fine-tuning job goes on from the checkpoint at step 4 (attempt 2)")
                .noneMatch(message -> message.contains("could not be used"));
        assertThat(bundle.output(job)).isEqualTo(bundle.output(undisturbed));
    }

    @Test
    void aPhaseThatTakesTooLongAtTheEndOfTheProcessIsLeftToTheNextWorker() {
        Gate gate = new Gate();
        toy.onOpen = gate;
        String job = bundle.submit();
        ConfigurableApplicationContext first = bundle.start(toy, Map.of("LOWRANK_SHUTDOWN", "10ms"));
        gate.awaitReached();
        first.close();
        assertThat(bundle.rows.outcomes(job)).containsExactly("preempted");
        bundle.start(new ToyTrainer());
        bundle.waitForStatus(job, "succeeded");
        gate.open();
        assertThat(bundle.rows.outcomes(job)).containsExactly("preempted", "succeeded");
    }

    @Test
    void aLostDeviceMovesTheJobWithItsCheckpointAndEndsTheWorker() {
        toy.before.put(5, () -> {
            throw new DeviceLostException("The GPU failed at rmsNorm (an illegal address); what it held is lost.");
        });
        String undisturbed = bundle.submit();
        ConfigurableApplicationContext first = bundle.start(toy);
        bundle.waitUntil(() -> bundle.ends.get() == 1);
        assertThat(bundle.rows.outcomes(undisturbed)).hasSize(1);
        assertThat(bundle.checkpoints(undisturbed)).containsExactly(3);
        assertThat(bundle.rows.status(undisturbed)).isEqualTo("queued");
        assertThat(bundle.rows.count("worker where stopped_at is not null")).isEqualTo(1);
        first.close();
        bundle.start(new ToyTrainer());
        bundle.waitForStatus(undisturbed, "succeeded");
        assertThat(bundle.rows.messages(undisturbed))
                .contains("Fine-tuning job goes on from the checkpoint at step 3 (attempt 2)");
    }

    @Test
    void aWorkerThatLostItsJobStopsAndWritesNothingMore() {
        Gate gate = new Gate();
        toy.before.put(5, gate);
        String job = bundle.submit();
        ConfigurableApplicationContext slow = bundle.start(toy, Map.of("LOWRANK_HEARTBEAT", "5s"));
        gate.awaitReached();
        bundle.waitUntil(() -> bundle.checkpoints(job).contains(3));
        bundle.rows.silence(NodeBundle.nameOf(slow));
        ToyTrainer other = new ToyTrainer();
        bundle.start(other);
        bundle.waitForStatus(job, "succeeded");
        gate.open();
        String next = bundle.submit();
        bundle.waitForStatus(next, "succeeded");
        assertThat(bundle.rows.outcomes(job)).containsExactly("lost", "succeeded");
        assertThat(bundle.text("select string_agg(distinct lease_token::text, ' ') from job_metric where step > 3 "
                        + "and job_id = '%s'".formatted(job)))
                .isEqualTo(bundle.text(
                        "select max(lease_token)::text from job_attempt where job_id = '%s'".formatted(job)));
        bundle.waitUntil(() -> bundle.rows.count("batch.batch_job_execution where status = 'STARTED'") == 0);
    }

    @Test
    void trainingGoesOnWhileTheDatabaseIsAway() {
        Gate before = new Gate();
        Gate after = new Gate();
        toy.before.put(4, before);
        toy.before.put(9, after);
        String job = bundle.submit();
        bundle.start(toy);
        before.awaitReached();
        bundle.database.refuseConnections();
        before.open();
        after.awaitReached();
        bundle.database.allowConnections();
        after.open();
        bundle.waitForStatus(job, "succeeded");
        assertThat(bundle.rows.outcomes(job)).containsExactly("succeeded");
        assertThat(bundle.rows.count("job_metric")).isEqualTo(10);
        assertThat(bundle.checkpoints(job)).containsExactly(6, 9, 10);
    }

    @Test
    void aDatabaseThatGoesAwayAtTheWrongMomentIsNotTheJobsFault() {
        toy.onOpen = () -> {
            toy.onOpen = () -> {};
            throw new DataAccessResourceFailureException("connection reset");
        };
        String job = bundle.submit();
        bundle.start(toy);
        bundle.waitForStatus(job, "succeeded");
        assertThat(bundle.rows.outcomes(job)).containsExactly("preempted", "succeeded");
    }

    static Stream<Arguments> failures() {
        return Stream.of(
                Arguments.of(
                        new TrainingFailure("loss_not_finite", "Step 2: loss is NaN."), "loss_not_finite", "Step 2"),
                Arguments.of(
                        new InputException("training_file.jsonl line 3 is empty."), "invalid_training_file", "line 3"),
                Arguments.of(new OutOfMemoryError("heap"), "out_of_memory", "lower training.micro_batch_size"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aFailureThatWouldComeAgainEndsTheJob(Throwable failure, String code, String message) {
        toy.onStep = step -> sneak(failure);
        String job = bundle.submit();
        bundle.start(toy);
        bundle.waitForStatus(job, "failed");
        assertThat(bundle.rows.job(job)).containsEntry("error_code", code);
        assertThat(String.valueOf(bundle.rows.job(job).get("error_message"))).contains(message);
        assertThat(bundle.rows.outcomes(job)).containsExactly("failed");
        toy.onStep = step -> {};
        bundle.waitForStatus(bundle.submit(), "succeeded");
    }

    static Stream<Arguments> passingFailures() {
        return Stream.of(
                Arguments.of(new IllegalStateException("a bug"), "internal_error"),
                Arguments.of(new UncheckedIOException(new IOException("No space left on device")), "disk_full"));
    }

    @ParameterizedTest
    @MethodSource("passingFailures")
    void aFailureThatMayPassIsTriedTwiceMore(RuntimeException failure, String code) {
        toy.onStep = step -> {
            if (step == 5) {
                throw failure;
            }
        };
        String job = bundle.submit();
        bundle.start(toy);
        bundle.waitForStatus(job, "failed");
        assertThat(bundle.rows.job(job)).containsEntry("error_code", code);
        assertThat(bundle.rows.outcomes(job)).containsExactly("failed", "failed", "failed");
        assertThat(toy.opened).hasValue(3);
        assertThat(bundle.checkpoints(job)).containsExactly(3);
    }

    @Test
    void aResultThatDoesNotPassACheckIsNotRegistered() {
        toy.verdict = new Verdict(
                List.of(
                        new Verdict.Check("finite", true, "All are."),
                        new Verdict.Check("better than the base", false, "Held-out loss 3.2, base 3.1.")),
                List.of());
        String job = bundle.submit();
        bundle.start(toy);
        bundle.waitForStatus(job, "failed");
        assertThat(bundle.rows.job(job))
                .containsEntry("error_code", "verification_failed")
                .containsEntry(
                        "error_message",
                        "The result did not pass the check \"better than the base\": Held-out loss 3.2, base 3.1.");
        assertThat(bundle.rows.count("adapter_version")).isZero();
        assertThat(bundle.checkpoints(job)).contains(10);
    }

    @Test
    void aBaseThatIsGoneOrChangedFailsTheJobWithARemedy() {
        String unknown = bundle.rows.queuedJob("nothing", "file-1", NodeBundle.SPEC);
        bundle.start(toy);
        bundle.waitForStatus(unknown, "failed");
        assertThat(bundle.rows.job(unknown))
                .containsEntry("error_code", "model_not_found")
                .containsEntry("error_param", "model");
        toy.baseSha256 = "0".repeat(64);
        String changed = bundle.submit();
        bundle.waitForStatus(changed, "failed");
        assertThat(bundle.rows.job(changed)).containsEntry("error_code", "model_changed");
        assertThat(toy.opened).hasValue(0);
    }

    @Test
    void twoWorkersRunTwentyJobsEachOnce() {
        List<String> jobs =
                IntStream.range(0, 20).mapToObj(i -> bundle.submit()).toList();
        ToyTrainer other = new ToyTrainer();
        bundle.start(toy);
        bundle.start(other);
        jobs.forEach(job -> bundle.waitForStatus(job, "succeeded"));
        assertThat(bundle.rows.count("job_attempt")).isEqualTo(20);
        assertThat(toy.opened.get() + other.opened.get()).isEqualTo(20);
        assertThat(toy.opened.get()).isPositive();
        assertThat(other.opened.get()).isPositive();
    }

    @Test
    void waitsForTheSchemaAndThenWorks() throws Exception {
        TestDatabase empty = TestDatabase.createEmpty();
        ConfigurableApplicationContext node = bundle.start(toy, Map.of("LOWRANK_DATABASE_URL", empty.jdbcUrl()));
        assertThat(node.getBean(WorkLoop.class).isRunning()).isTrue();
        empty.migrate();
        JdbcClient jdbc = JdbcClient.create(empty.dataSource());
        bundle.waitUntil(
                () -> jdbc.sql("select count(*) from worker").query(Long.class).single() == 1);
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable failure) throws T {
        throw (T) failure;
    }
}
