package dev.lowrank.platform.console;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.db.queue.Failure;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class PagesTest {
    private static final RunningConsole CONSOLE = RunningConsole.INSTANCE;
    private static final String HOSTILE = "<script>alert(1)</script>\"' onload=x";
    private static final String AS_TEXT = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onload=x";

    private final Visitor visitor = CONSOLE.signedIn();

    @Test
    void whatClientsAndWorkersWroteIsOnlyEverText() {
        String job = CONSOLE.rows.queuedJob();
        CONSOLE.jdbc
                .sql("update fine_tuning_job set suffix = :x, metadata = jsonb_build_object(:x, :x),"
                        + " spec = jsonb_build_object(:x, :x) where id = :id")
                .param("x", HOSTILE)
                .param("id", job)
                .update();
        CONSOLE.jdbc
                .sql("update file set filename = :x where id = 'file-train'")
                .param("x", HOSTILE)
                .update();
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 10);
        worker.say(HOSTILE);
        worker.fail(new Failure("bad_thing", HOSTILE, null));

        String page = visitor.get("/console/jobs/" + job).body();
        String list = visitor.get("/console").body();

        CONSOLE.jdbc
                .sql("update file set filename = 'train.jsonl' where id = 'file-train'")
                .update();
        assertThat(page).contains(AS_TEXT).doesNotContain("<script>alert");
        assertThat(page.split(Pattern.quote(AS_TEXT), -1)).hasSizeGreaterThan(8);
        assertThat(list).contains(AS_TEXT).doesNotContain("<script>alert");
    }

    @Test
    void anotherProjectsJobIsNotThere() {
        String job = CONSOLE.rows.queuedJob();
        String key = "lr_otherproject_" + "o".repeat(43);
        CONSOLE.addKey("proj_other", key);
        Visitor other = CONSOLE.stranger();
        other.signIn(key);

        assertThat(other.get("/console/jobs/" + job).statusCode()).isEqualTo(404);
        assertThat(other.get("/console/jobs/" + job + "/live").statusCode()).isEqualTo(404);
        assertThat(other.submit("/console", "/console/jobs/" + job + "/cancel", Map.of())
                        .statusCode())
                .isEqualTo(404);
        assertThat(other.get("/console").body()).doesNotContain(job);
        assertThat(CONSOLE.rows.status(job)).isEqualTo("queued");
    }

    @Test
    void aQueuedJobIsCancelledByItsButton() {
        String job = CONSOLE.rows.queuedJob();

        HttpResponse<String> answer =
                visitor.submit("/console/jobs/" + job, "/console/jobs/" + job + "/cancel", Map.of());

        assertThat(Visitor.location(answer)).isEqualTo("/console/jobs/" + job);
        assertThat(CONSOLE.rows.status(job)).isEqualTo("cancelled");
        assertThat(visitor.get("/console/jobs/" + job).body())
                .contains("Fine-tuning job cancelled")
                .doesNotContain("Yes, cancel it");
    }

    @Test
    void aPageIsFedOnlyWhatIsNewToIt() {
        String job = CONSOLE.rows.queuedJob();
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 100);
        worker.train(1, 40);
        worker.say("first");

        JsonNode all = live(job, 0, 0);
        worker.train(41, 43);
        worker.say("second");
        JsonNode news = live(job, 40, all.at("/events/0/sequence").asLong());

        assertThat(all.at("/points/step")).hasSize(40);
        assertThat(all.at("/open").asBoolean()).isTrue();
        assertThat(news.at("/points/step").toString()).isEqualTo("[41,42,43]");
        assertThat(news.at("/points/learning_rate")).hasSize(3);
        assertThat(news.at("/events")).hasSize(1);
        assertThat(news.at("/events/0/message").asString()).isEqualTo("second");
        assertThat(news.at("/texts/steps").asString()).isEqualTo("43 / 100");
        assertThat(news.at("/percent").asInt()).isEqualTo(43);
    }

    @Test
    void aLongRunIsThinnedOutAtFirst() {
        String job = CONSOLE.rows.queuedJob();
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 9000);
        worker.train(1, 9000);

        assertThat(live(job, 0, 0).at("/points/step")).hasSize(2000);
    }

    @Test
    void aFinishedJobShowsItsAdapterAndWhatWasProven() {
        String job = CONSOLE.rows.queuedJob();
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 10);
        worker.train(1, 10);
        worker.succeed("proven-adapter", "ft:tiny:acme:proven:1");

        String page = visitor.get("/console/jobs/" + job).body();
        String adapters = visitor.get("/console/adapters").body();
        String adapter = visitor.get("/console/adapters/proven-adapter").body();

        assertThat(page)
                .contains(
                        "proven-adapter version 1",
                        "held-out loss",
                        "3.1271 before, 0.4402 after.",
                        "--max-lora-rank 16");
        assertThat(adapters).contains("proven-adapter", "3.1271 → 0.4402", "10 bytes");
        assertThat(adapter).contains("Version 1", job);
        assertThat(visitor.get("/console/adapters/nobodys").statusCode()).isEqualTo(404);
    }

    @Test
    void aLinkIsShownOnceAndOpensWithoutASession() {
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, CONSOLE.rows.queuedJob(), 10);
        worker.succeed("linked-adapter", "ft:tiny:acme:linked:1");

        HttpResponse<String> answer = visitor.submit(
                "/console/adapters/linked-adapter",
                "/console/adapters/linked-adapter/versions/1/links",
                Map.of("back", "adapter"));
        String page = visitor.get(Visitor.location(answer)).body();

        Matcher link = Pattern.compile("value=\"" + CONSOLE.origin + "(/d/linked-adapter/1/[^\"]+)\"")
                .matcher(page);
        assertThat(link.find()).isTrue();
        assertThat(CONSOLE.stranger().get(link.group(1).replace("&amp;", "&")).body())
                .isEqualTo("an archive");
        assertThat(visitor.get("/console/adapters/linked-adapter").body()).doesNotContain("/d/linked-adapter");
        assertThat(visitor.submit("/console", "/console/adapters/linked-adapter/versions/2/links", Map.of())
                        .statusCode())
                .isEqualTo(404);
    }

    @Test
    void anUnknownAddressAndAWrongParameterAreNotFound() {
        assertThat(visitor.get("/console/nowhere").statusCode()).isEqualTo(404);
        assertThat(visitor.get("/console/jobs/ftjob-none").body())
                .contains("There is no job ftjob-none in this project.");
        assertThat(visitor.get("/console/jobs/ftjob-none/live?afterStep=x").statusCode())
                .isEqualTo(404);
    }

    @Test
    void filesAreFetchedAgainOnlyWhenTheyHaveChanged() {
        HttpResponse<String> first = CONSOLE.stranger().get("/console/assets/console.css");
        String tag = first.headers().firstValue("ETag").orElseThrow();

        assertThat(first.statusCode()).isEqualTo(200);
        assertThat(CONSOLE.stranger()
                        .get("/console/assets/console.css", "If-None-Match", tag)
                        .statusCode())
                .isEqualTo(304);
    }

    private JsonNode live(String job, int afterStep, long afterEvent) {
        return JsonMapper.shared()
                .readTree(visitor.get("/console/jobs/%s/live?afterStep=%d&afterEvent=%d"
                                .formatted(job, afterStep, afterEvent))
                        .body());
    }
}
