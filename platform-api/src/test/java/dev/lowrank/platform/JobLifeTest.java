package dev.lowrank.platform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.db.queue.Failure;
import dev.lowrank.db.queue.JobEnding;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.platform.RunningApi.Answer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.transaction.support.TransactionOperations;
import tools.jackson.databind.JsonNode;

class JobLifeTest {
    private static final String JOBS = "/v1/fine_tuning/jobs";

    private final RunningApi api = RunningApi.get();
    private final FakeWorker worker = new FakeWorker(api);

    private JsonNode job(String id) {
        return api.get(JOBS + "/" + id).json();
    }

    private String path(String id, String more) {
        return "%s/%s/%s".formatted(JOBS, id, more);
    }

    @Test
    void aNewJobTellsItsFirstEvents() {
        String id = api.job("");
        JsonNode events = api.get(path(id, "events")).json();
        assertThat(events.get("object").asString()).isEqualTo("list");
        assertThat(events.get("has_more").asBoolean()).isFalse();
        assertThat(events.get("data").valueStream().map(e -> e.get("message").asString()))
                .containsExactly(
                        "Files validated, moving job to queued state",
                        "Validating training file: "
                                + job(id).get("training_file").asString(),
                        "Created fine-tuning job: " + id);
        JsonNode event = events.get("data").get(0);
        assertThat(event.get("object").asString()).isEqualTo("fine_tuning.job.event");
        assertThat(event.get("id").asString()).startsWith("ftevent-");
        assertThat(event.get("level").asString()).isEqualTo("info");
        assertThat(event.get("type").asString()).isEqualTo("message");
        assertThat(event.get("data").isNull()).isTrue();
    }

    @Test
    void aRunningJobShowsItsProgress() {
        String id = api.job("");
        Lease lease = worker.claim(id);
        worker.train(lease, 1, 5, 20);
        JsonNode running = job(id);
        assertThat(running.get("status").asString()).isEqualTo("running");
        assertThat(running.get("estimated_finish").isIntegralNumber()).isTrue();
        JsonNode progress = running.get("lowrank").get("progress");
        assertThat(progress.get("phase").asString()).isEqualTo("train");
        assertThat(progress.get("step").asInt()).isEqualTo(5);
        assertThat(progress.get("total_steps").asInt()).isEqualTo(20);
        JsonNode metrics = api.get(path(id, "metrics?after=2&limit=2")).json();
        assertThat(metrics.get("has_more").asBoolean()).isTrue();
        assertThat(metrics.get("data").valueStream().map(m -> m.get("step").asInt()))
                .containsExactly(3, 4);
        assertThat(metrics.get("data").get(0).propertyNames())
                .contains("loss", "grad_norm", "learning_rate", "tokens_per_second", "trained_tokens");
        JsonNode checkpoint =
                api.get(path(id, "checkpoints")).json().get("data").get(0);
        assertThat(checkpoint.get("object").asString()).isEqualTo("fine_tuning.job.checkpoint");
        assertThat(checkpoint.get("id").asString()).startsWith("ftckpt_");
        assertThat(checkpoint.get("fine_tuning_job_id").asString()).isEqualTo(id);
        assertThat(checkpoint.get("step_number").asInt()).isEqualTo(5);
        assertThat(checkpoint.get("fine_tuned_model_checkpoint").asString()).endsWith(":ckpt-step-5");
        assertThat(checkpoint.get("metrics").isObject()).isTrue();
    }

    @Test
    void aSucceededJobNamesItsModelItsResultsAndItsVersion() throws Exception {
        String id = api.job("");
        Lease lease = worker.claim(id);
        worker.train(lease, 1, 5, 5);
        worker.succeed(lease, "life", "archive".getBytes(StandardCharsets.UTF_8));
        JsonNode done = job(id);
        assertThat(done.get("status").asString()).isEqualTo("succeeded");
        assertThat(done.get("trained_tokens").asInt()).isEqualTo(50);
        assertThat(done.get("finished_at").isIntegralNumber()).isTrue();
        assertThat(done.get("estimated_finish").isNull()).isTrue();
        assertThat(done.get("lowrank").get("adapter_version").get("name").asString())
                .isEqualTo("life");
        String results = done.get("result_files").get(0).asString();
        assertThat(api.get("/v1/files/" + results).json().get("purpose").asString())
                .isEqualTo("fine-tune-results");
        assertThat(api.get("/v1/files/%s/content".formatted(results)).text()).startsWith("step,train_loss");
        String model = done.get("fine_tuned_model").asString();
        JsonNode named = api.get("/v1/models/" + model.replace(":", "%3A")).json();
        assertThat(named.get("id").asString()).isEqualTo(model);
        assertThat(named.get("object").asString()).isEqualTo("model");
        assertThat(api.get("/v1/models")
                        .json()
                        .get("data")
                        .valueStream()
                        .map(m -> m.get("id").asString()))
                .contains("model", model);
        assertThat(api.delete("/v1/models/" + model).status()).isEqualTo(400);
        Answer cancel = api.post(path(id, "cancel"));
        assertThat(cancel.status()).isEqualTo(400);
        assertThat(cancel.header("x-should-retry")).isEqualTo("false");
        assertThat(cancel.error().get("message").asString()).contains("succeeded");
    }

    @Test
    void aFailedJobSaysWhyInThreeKeys() {
        String id = api.job("");
        new JobEnding(api.jdbc(), api.context.getBean(TransactionOperations.class))
                .failed(worker.claim(id), new Failure("invalid_training_file", "Row 3 is bad.", "training_file"));
        JsonNode error = job(id).get("error");
        assertThat(error.propertyNames()).containsExactlyInAnyOrder("code", "message", "param");
        assertThat(error.get("message").asString()).isEqualTo("Row 3 is bad.");
    }

    @Test
    void aWaitingJobIsCancelledAtOnceAndTwiceIsNoError() {
        String id = api.job("");
        assertThat(api.post(path(id, "cancel")).json().get("status").asString()).isEqualTo("cancelled");
        assertThat(api.post(path(id, "cancel")).json().get("status").asString()).isEqualTo("cancelled");
        assertThat(job(id).get("finished_at").isIntegralNumber()).isTrue();
    }

    @Test
    void aRunningJobIsAskedToStop() {
        String id = api.job("");
        Lease lease = worker.claim(id);
        JsonNode asked = api.post(path(id, "cancel")).json();
        assertThat(asked.get("status").asString()).isEqualTo("running");
        assertThat(asked.get("lowrank").get("progress").get("cancel_requested").asBoolean())
                .isTrue();
        new JobEnding(api.jdbc(), api.context.getBean(TransactionOperations.class)).cancelled(lease);
        assertThat(job(id).get("status").asString()).isEqualTo("cancelled");
    }

    @Test
    void pauseAndResumeSayThatTheyDoNothing() {
        String id = api.job("");
        assertThat(api.post(path(id, "pause")).status()).isEqualTo(400);
        assertThat(api.post(path(id, "resume")).status()).isEqualTo(400);
        assertThat(job(id).get("status").asString()).isEqualTo("queued");
        assertThat(api.post(JOBS + "/ftjob-none/pause").status()).isEqualTo(404);
    }

    @Test
    void unknownJobsAreNotFoundInTheContractsWords() {
        for (String more : List.of("", "/events", "/checkpoints", "/metrics")) {
            Answer answer = api.get(JOBS + "/ftjob-none" + more);
            assertThat(answer.status()).isEqualTo(404);
            assertThat(answer.error().get("message").asString()).isEqualTo("No such fine-tuning job: ftjob-none");
            assertThat(answer.error().get("param").asString()).isEqualTo("fine_tuning_job_id");
            assertThat(answer.error().get("code").asString()).isEqualTo("not_found");
        }
    }

    @Test
    void pagesAreWalkedUntilOneIsEmpty() {
        List<String> made = new ArrayList<>();
        String metadata = ", \"metadata\": {\"walk\": \"pages\"}";
        for (int i = 0; i < 5; i++) {
            made.add(0, api.job(metadata));
        }
        assertThat(walk(JOBS + "?metadata%5Bwalk%5D=pages&limit=2")).containsExactlyElementsOf(made);
        assertThat(walk(JOBS + "?limit=2")).containsSubsequence(made);
    }

    @Test
    void eventsAreWalkedUntilAPageIsEmpty() {
        String id = api.job("");
        assertThat(walk(path(id, "events?limit=2"))).hasSize(3);
        Lease lease = worker.claim(id);
        worker.train(lease, 1, 2, 9);
        worker.train(lease, 3, 4, 9);
        assertThat(walk(path(id, "checkpoints?limit=1"))).hasSize(2);
    }

    /** As the Java client does: it takes no notice of has_more. */
    private List<String> walk(String first) {
        List<String> ids = new ArrayList<>();
        JsonNode data = api.get(first).json().get("data");
        while (!data.isEmpty()) {
            data.forEach(item -> ids.add(item.get("id").asString()));
            Answer next = api.get(first + "&after=" + ids.getLast());
            assertThat(next.status()).isEqualTo(200);
            data = next.json().get("data");
        }
        return ids;
    }

    @Test
    void aCursorStaysGoodWhenItsJobEnds() {
        String older = api.job("");
        String cursor = api.job("");
        api.post(path(cursor, "cancel"));
        JsonNode page = api.get(JOBS + "?limit=1&after=" + cursor).json();
        assertThat(page.get("data").get(0).get("id").asString()).isEqualTo(older);
        assertThat(page.get("has_more").isBoolean()).isTrue();
    }

    @Test
    void jobsAreFilteredByMetadata() {
        String a = api.job(", \"metadata\": {\"filter\": \"a\", \"more\": \"x\"}");
        String b = api.job(", \"metadata\": {\"filter\": \"b\"}");
        String none = api.job("");
        assertThat(ids("?metadata%5Bfilter%5D=a")).containsExactly(a);
        assertThat(ids("?metadata%5Bfilter%5D=a&metadata%5Bmore%5D=y")).isEmpty();
        assertThat(ids("?metadata=null&limit=1000")).contains(none).doesNotContain(a, b);
    }

    @Test
    void bareBracketsAreReadToo() throws Exception {
        String a = api.job(", \"metadata\": {\"bare\": \"yes\"}");
        assertThat(api.raw("/v1/fine_tuning/jobs?metadata[bare]=yes")).contains("HTTP/1.1 200", a);
    }

    private List<String> ids(String query) {
        return api.get(JOBS + query)
                .json()
                .get("data")
                .valueStream()
                .map(job -> job.get("id").asString())
                .toList();
    }

    @Test
    void workersShowWhatTheyDo() {
        String id = api.job("");
        worker.claim(id);
        JsonNode mine = api.get("/v1/workers")
                .json()
                .get("data")
                .valueStream()
                .filter(one -> one.get("current_job").asString("").equals(id))
                .findFirst()
                .orElseThrow();
        assertThat(mine.get("device").asString()).isEqualTo("no device");
        assertThat(mine.get("alive").asBoolean()).isTrue();
        assertThat(mine.get("seconds_since_heartbeat").asDouble()).isBetween(0.0, 600.0);
    }
}
