package dev.lowrank.platform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.platform.RunningApi.Answer;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class JobCreationTest {
    private static final String JOBS = "/v1/fine_tuning/jobs";

    private final RunningApi api = RunningApi.get();
    private final String file = api.dataset();

    private String body(String more) {
        return "{\"model\": \"model\", \"training_file\": \"%s\"%s}".formatted(file, more);
    }

    private JsonNode create(String more) {
        Answer answer = api.post(JOBS, body(more));
        assertThat(answer.status()).as(answer.text()).isEqualTo(200);
        return answer.json();
    }

    @Test
    void aJobHasTheContractsShape() {
        JsonNode job = create(", \"metadata\": {\"team\": \"support\"}, \"suffix\": \"My-1\", \"seed\": 42");
        assertThat(job.get("id").asString()).startsWith("ftjob-");
        assertThat(job.get("object").asString()).isEqualTo("fine_tuning.job");
        assertThat(job.get("status").asString()).isEqualTo("queued");
        assertThat(job.get("model").asString()).isEqualTo("model");
        assertThat(job.get("organization_id").asString()).startsWith("org-");
        assertThat(job.get("training_file").asString()).isEqualTo(file);
        assertThat(job.get("result_files").isEmpty()).isTrue();
        assertThat(job.get("seed").asInt()).isEqualTo(42);
        assertThat(job.get("metadata").get("team").asString()).isEqualTo("support");
        assertThat(job.get("integrations").isArray()).isTrue();
        assertThat(job.get("created_at").isIntegralNumber()).isTrue();
        for (String empty : List.of(
                "fine_tuned_model", "finished_at", "estimated_finish", "validation_file", "trained_tokens", "error")) {
            assertThat(job.has(empty)).as(empty).isTrue();
            assertThat(job.get(empty).isNull()).as(empty).isTrue();
        }
        assertThat(job.get("hyperparameters").isObject()).isTrue();
        assertThat(job.get("method").get("type").asString()).isEqualTo("supervised");
        assertThat(job.get("method").get("supervised").get("hyperparameters")).isEqualTo(job.get("hyperparameters"));
        assertThat(api.get(JOBS + "/" + job.get("id").asString()).json()).isEqualTo(job);
    }

    @Test
    void whatIsLeftOutIsResolvedAndExplained() {
        JsonNode job = create("");
        JsonNode numbers = job.get("hyperparameters");
        assertThat(numbers.get("n_epochs").asInt()).isEqualTo(3);
        assertThat(numbers.get("batch_size").asInt()).isEqualTo(1);
        assertThat(numbers.get("learning_rate_multiplier").asDouble()).isEqualTo(1.0);
        JsonNode training = job.get("lowrank").get("training");
        assertThat(training.get("shuffle").asBoolean()).isTrue();
        assertThat(training.get("seed").asInt()).isEqualTo(job.get("seed").asInt());
        assertThat(job.get("lowrank").get("format").asString()).isEqualTo("chat");
        assertThat(resolutions(job))
                .containsKeys(
                        "format",
                        "method",
                        "adapter.rank",
                        "training.epochs",
                        "training.micro_batch_size",
                        "training.gradient_accumulation",
                        "training.learning_rate",
                        "training.shuffle",
                        "training.seed")
                .allSatisfy((field, reason) -> assertThat(reason).as(field).isNotBlank());
    }

    @Test
    void theResolvedSectionsCanBeSentAgain() {
        JsonNode lowrank = create(", \"lowrank\": {\"adapter\": {\"rank\": 4}}").get("lowrank");
        ObjectNode sections =
                ((ObjectNode) lowrank.deepCopy()).retain("method", "format", "quantization", "adapter", "training");
        String again = ", \"lowrank\": " + sections;
        JsonNode repeated = create(again).get("lowrank");
        assertThat(repeated.get("adapter")).isEqualTo(lowrank.get("adapter"));
        assertThat(repeated.get("training")).isEqualTo(lowrank.get("training"));
        assertThat(repeated.get("resolutions").isEmpty()).isTrue();
    }

    @Test
    void theMethodDecidesWhatIsChosenForTheRest() {
        JsonNode job = create(
                ", \"hyperparameters\": {\"learning_rate_multiplier\": 2}, \"lowrank\": {\"method\": \"ia3\", \"quantization\": {\"type\": \"nf4\"}}");
        JsonNode lowrank = job.get("lowrank");
        assertThat(lowrank.get("training").get("learning_rate").asDouble()).isEqualTo(1e-2);
        assertThat(job.get("hyperparameters").get("learning_rate_multiplier").asDouble())
                .isEqualTo(2);
        assertThat(lowrank.get("quantization").get("double").asBoolean()).isTrue();
        assertThat(resolutions(job)).containsKeys("quantization.double", "adapter.target_modules");
        assertThat(create(", \"lowrank\": {\"method\": \"full\"}")
                        .get("lowrank")
                        .has("adapter"))
                .isFalse();
    }

    @Test
    void theOlderHyperparametersCountToo() {
        JsonNode job = create(
                ", \"hyperparameters\": {\"n_epochs\": 5, \"batch_size\": 12, \"learning_rate_multiplier\": 0.5}");
        assertThat(job.get("hyperparameters").get("n_epochs").asInt()).isEqualTo(5);
        assertThat(job.get("hyperparameters").get("batch_size").asInt()).isEqualTo(12);
        JsonNode training = job.get("lowrank").get("training");
        assertThat(training.get("micro_batch_size").asInt()
                        * training.get("gradient_accumulation").asInt())
                .isEqualTo(12);
        assertThat(training.get("learning_rate").asDouble()).isEqualTo(1e-4);
    }

    @Test
    void autoIsLikeLeavingOut() {
        JsonNode job = create(
                ", \"method\": {\"type\": \"supervised\", \"supervised\": {\"hyperparameters\": {\"n_epochs\": \"auto\", \"batch_size\": \"auto\", \"learning_rate_multiplier\": \"auto\"}}}");
        assertThat(job.get("hyperparameters").get("n_epochs").asInt()).isEqualTo(3);
    }

    @Test
    void ourOwnSettingsWinAndTheEchoIsTrue() {
        JsonNode job = create(
                ", \"hyperparameters\": {\"n_epochs\": 2}, \"lowrank\": {\"training\": {\"epochs\": 200, \"micro_batch_size\": 3, \"gradient_accumulation\": 5, \"learning_rate\": 0.002, \"seed\": 9}}");
        assertThat(job.get("hyperparameters").get("n_epochs").asInt()).isEqualTo(200);
        assertThat(job.get("hyperparameters").get("batch_size").asInt()).isEqualTo(15);
        assertThat(job.get("hyperparameters").get("learning_rate_multiplier").asDouble())
                .isEqualTo(10);
        assertThat(job.get("seed").asInt()).isEqualTo(9);
        assertThat(resolutions(job).get("n_epochs")).contains("n_epochs 2");
    }

    @Test
    void aGivenMicroBatchIsFilledUpToTheBatch() {
        JsonNode training = create(
                        ", \"hyperparameters\": {\"batch_size\": 12}, \"lowrank\": {\"training\": {\"micro_batch_size\": 4}}")
                .get("lowrank")
                .get("training");
        assertThat(training.get("gradient_accumulation").asInt()).isEqualTo(3);
        Answer uneven = api.post(
                JOBS,
                body(
                        ", \"hyperparameters\": {\"batch_size\": 12}, \"lowrank\": {\"training\": {\"micro_batch_size\": 5}}"));
        assertThat(uneven.status()).isEqualTo(400);
    }

    private static Map<String, String> resolutions(JsonNode job) {
        return job.get("lowrank")
                .get("resolutions")
                .valueStream()
                .collect(Collectors.toMap(
                        one -> one.get("field").asString(),
                        one -> one.get("reason").asString()));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\0',
            value = {
                "\"suffix\": \"\" | suffix",
                "\"suffix\": \"a/b\" | suffix",
                "\"seed\": 1.5 | seed",
                "\"seed\": \"7\" | seed",
                "\"metadata\": {\"k\": 1} | metadata",
                "\"metadata\": [] | metadata",
                "\"integrations\": [{\"type\": \"wandb\", \"wandb\": {\"project\": \"p\"}}] | integrations",
                "\"method\": {\"type\": \"dpo\"} | method.type",
                "\"hyperparameters\": {\"n_epochs\": 0} | hyperparameters.n_epochs",
                "\"hyperparameters\": {\"n_epochs\": 51} | hyperparameters.n_epochs",
                "\"hyperparameters\": {\"n_epochs\": 1.5} | hyperparameters.n_epochs",
                "\"hyperparameters\": {\"n_epochs\": \"many\"} | hyperparameters.n_epochs",
                "\"hyperparameters\": {\"batch_size\": 257} | hyperparameters.batch_size",
                "\"hyperparameters\": {\"learning_rate_multiplier\": 0} | hyperparameters.learning_rate_multiplier",
                "\"hyperparameters\": {\"epochs\": 1} | hyperparameters.epochs",
                "\"hyperparameters\": 3 | hyperparameters",
                "\"lowrank\": 3 | lowrank",
                "\"lowrank\": {\"training\": {\"epoch\": 1}} | lowrank.training.epoch",
                "\"lowrank\": {\"training\": 3} | lowrank.training",
                "\"lowrank\": {\"training\": {\"epochs\": \"3\"}} | lowrank.training.epochs",
                "\"lowrank\": {\"training\": {\"micro_batch_size\": 0}} | lowrank.training.micro_batch_size",
                "\"lowrank\": {\"adapter\": {\"rank\": 0}} | lowrank.adapter.rank",
                "\"lowrank\": {\"quantization\": {\"type\": \"nf4\"}} | lowrank.quantization.type",
                "\"lowrank\": {\"method\": \"dpo\"} | lowrank.format",
                "\"lowrank\": {\"method\": \"ia3\", \"adapter\": {\"rank\": 4}} | lowrank.adapter.rank",
                "\"lowrank\": {\"training\": {\"evaluate_every_steps\": 4}} | lowrank.training.evaluate_every_steps",
                "\"lowrank\": {\"output\": \"/etc\"} | lowrank.output",
                "\"lowrank\": {\"initial_adapter\": \"/etc\"} | lowrank.initial_adapter",
                "\"lowrank\": {\"base_model\": \"/etc\"} | lowrank.base_model",
                "\"lowrank\": {\"methods\": \"lora\"} | lowrank.methods",
                "\"lowrank\": {\"format\": \"text\"} | lowrank.format",
                "\"status\": \"succeeded\" | status",
                "\"validation_file\": \"file-none\" | validation_file",
                "\"validation_file\": 3 | validation_file"
            })
    void wrongFieldsAreNamed(String field, String param) {
        Answer answer = api.post(JOBS, body(", " + field));
        assertThat(answer.status()).as(answer.text()).isEqualTo(400);
        ErrorShapeTest.assertShape(answer);
        assertThat(answer.error().get("param").asString()).isEqualTo(param);
        assertThat(answer.error().get("message").asString())
                .contains("\"" + (param.startsWith("hyperparameters.") ? param.substring(16) : param) + "\"");
    }

    @Test
    void aMisspelledSettingGetsASuggestion() {
        Answer answer = api.post(JOBS, body(", \"lowrank\": {\"training\": {\"learning_rat\": 1}}"));
        assertThat(answer.error().get("message").asString()).contains("did you mean \"learning_rate\"?");
    }

    @Test
    void requiredFieldsAreRequired() {
        assertThat(api.post(JOBS, "{\"training_file\": \"x\"}")
                        .error()
                        .get("param")
                        .asString())
                .isEqualTo("model");
        assertThat(api.post(JOBS, "{\"model\": \"model\"}").error().get("param").asString())
                .isEqualTo("training_file");
    }

    @Test
    void anUnknownModelIsNamedAlongWithThoseThereAre() {
        Answer answer = api.post(JOBS, body("").replace("\"model\": \"model\"", "\"model\": \"gpt-4o\""));
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.error().get("code").asString()).isEqualTo("model_not_found");
        assertThat(answer.error().get("message").asString()).contains("gpt-4o", "model");
    }

    @Test
    void anUnknownFileIsNamed() {
        Answer answer = api.post(JOBS, "{\"model\": \"model\", \"training_file\": \"file-none\"}");
        assertThat(answer.error().get("code").asString()).isEqualTo("invalid_training_file");
        assertThat(answer.error().get("param").asString()).isEqualTo("training_file");
    }

    @Test
    void bothFilesMustHaveTheSameFormat() {
        String other = api.upload("v.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}")
                .json()
                .get("id")
                .asString();
        Answer answer = api.post(JOBS, body(", \"validation_file\": \"%s\"".formatted(other)));
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.error().get("param").asString()).isEqualTo("validation_file");
    }

    @Test
    void emptyIntegrationsAreFine() {
        assertThat(create(", \"integrations\": []").get("integrations").isEmpty())
                .isTrue();
        assertThat(create(", \"integrations\": null, \"metadata\": null, \"suffix\": null, \"seed\": null")
                        .get("metadata")
                        .isNull())
                .isTrue();
    }

    @Test
    void anIdempotencyKeyMakesOneJob() {
        String first = createWith("Idempotency-Key", "key-1", body(""));
        assertThat(createWith("Idempotency-Key", "key-1", body(""))).isEqualTo(first);
        assertThat(createWith("Idempotency-Key", "key-2", body(""))).isNotEqualTo(first);
        Answer other = send("Idempotency-Key", "key-1", body(", \"seed\": 1"));
        assertThat(other.status()).isEqualTo(400);
        assertThat(other.error().get("code").asString()).isEqualTo("idempotency_key_reused");
    }

    @Test
    void aRetriedRequestGetsTheJobItMade() {
        String first = create("").get("id").asString();
        assertThat(createWith("X-Stainless-Retry-Count", "1", body(""))).isEqualTo(first);
        assertThat(createWith("X-Stainless-Retry-Count", "0", body(""))).isNotEqualTo(first);
        assertThat(createWith("X-Stainless-Retry-Count", "1", body(", \"seed\": 3")))
                .isNotEqualTo(first);
    }

    @ParameterizedTest
    @CsvSource({"Idempotency-Key, race", "X-Stainless-Retry-Count, 1"})
    void manyTriesAtOnceMakeOneJob(String header, String value) throws Exception {
        String body = body("");
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Callable<String> once = () -> createWith(header, value, body);
            assertThat(threads.invokeAll(Collections.nCopies(8, once)).stream()
                            .map(Future::resultNow)
                            .distinct())
                    .hasSize(1);
        }
    }

    private String createWith(String header, String value, String body) {
        return send(header, value, body).json().get("id").asString();
    }

    private Answer send(String header, String value, String body) {
        return api.send(api.withKey(JOBS)
                .header(header, value)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body)));
    }
}
