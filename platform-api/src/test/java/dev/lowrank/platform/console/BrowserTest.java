package dev.lowrank.platform.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.db.queue.Failure;
import dev.lowrank.db.queue.JobQueue;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The console as a person sees it; the pictures lie in {@code target/console}. */
class BrowserTest {
    private static final RunningConsole CONSOLE = RunningConsole.INSTANCE;
    private static final Path PICTURES = Path.of("target", "console");
    private static final String POINTS = "Number(document.getElementById('plot').dataset.points ?? 0)";
    private static final String PIXELS = "document.querySelector('#plot canvas').toDataURL()";

    private static Chromium browser;

    @BeforeAll
    static void openBrowser() throws IOException {
        Optional<Path> program = Chromium.installed();
        assumeTrue(program.isPresent(), "No chromium is installed here (looked in /usr/bin and on the PATH).");
        browser = new Chromium(program.get());
    }

    @BeforeEach
    void beSomebodyNew() {
        browser.forget();
        browser.size(1280, 900);
        browser.scheme("light");
    }

    @AfterAll
    static void closeBrowser() throws IOException {
        if (browser != null) {
            browser.close();
        }
    }

    @Test
    void theCurveOfARunningJobGrowsWhileItIsWatched() throws IOException {
        String job = job("weather-assistant");
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 400);
        worker.say("Training started");
        worker.train(1, 150);
        worker.checkpoint(100);
        signIn();
        picture("jobs");

        browser.open(CONSOLE.origin + "/console/jobs/" + job);
        browser.until(POINTS + " === 150");
        String pixels = browser.evaluate(PIXELS).asString();
        picture("running");

        worker.train(151, 290);
        worker.checkpoint(200);
        worker.say("Checkpoint at step 200 <b>saved</b>");

        browser.until(POINTS + " === 290");
        assertThat(browser.evaluate(PIXELS).asString()).isNotEqualTo(pixels);
        browser.until("document.querySelector('#events li p').textContent.endsWith('<b>saved</b>')");
        browser.until("document.querySelector('[data-part=checkpoints]').textContent.includes('200')");
        assertThat(browser.evaluate("document.querySelector('[data-live-text=steps]').textContent")
                        .asString())
                .isEqualTo("290 / 400");
        browser.evaluate(
                "document.querySelectorAll('.chart-controls input[type=checkbox]').forEach((box) => box.click())");
        picture("running-all-series");

        // Everything is there again after a reload.
        browser.follow("location.reload()");
        browser.until(POINTS + " === 290");

        worker.train(291, 400);
        worker.succeed("weather-assistant", "ft:tiny:acme:weather-assistant:1");
        browser.until("document.querySelector('.badge').textContent === 'succeeded'");
        browser.until(POINTS + " === 400");
        browser.until("document.querySelector('[data-part=version]').textContent.includes('version 1')");
        picture("succeeded");
        pictureDark("succeeded-dark");
        pictureNarrow("succeeded-narrow");
        browser.open(CONSOLE.origin + "/console/adapters");
        picture("adapters");
        unspoilt();
    }

    @Test
    void aResumedAttemptDrawsItsStepsAgain() throws IOException {
        String job = job("resumed");
        ScriptedWorker lost = new ScriptedWorker(CONSOLE, job, 100);
        lost.train(1, 50);
        lost.checkpoint(30);
        signIn();
        browser.open(CONSOLE.origin + "/console/jobs/" + job);
        browser.until(POINTS + " === 50");

        CONSOLE.rows.silence(lost.id);
        new JobQueue(CONSOLE.jdbc).sweep();
        ScriptedWorker next = new ScriptedWorker(CONSOLE, job, 100);
        browser.until(POINTS + " === 30");

        next.train(31, 60);
        browser.until(POINTS + " === 60");
        browser.until("document.querySelector('[data-part=attempts]').textContent.includes('step 30')");
        picture("resumed");
        unspoilt();
    }

    @Test
    void aLongCurveArrivesThinnedOutAndGrowsStepByStep() throws IOException {
        String job = job("long-run");
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 20_000);
        worker.train(1, 9000);
        signIn();
        browser.open(CONSOLE.origin + "/console/jobs/" + job);
        browser.until(POINTS + " === 2000");

        worker.train(9001, 9010);

        browser.until(POINTS + " === 2010");
        picture("long");
        unspoilt();
    }

    @Test
    void aFailedJobSaysWhyInASentence() throws IOException {
        String job = job("unlucky");
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 100);
        worker.train(1, 20);
        worker.fail(new Failure(
                "loss_not_finite",
                "The loss was not finite at step 21: lower the learning rate (0.0002) or add warm-up steps.",
                "hyperparameters"));
        signIn();
        browser.open(CONSOLE.origin + "/console/jobs/" + job);

        browser.until(POINTS + " === 20");
        assertThat(browser.evaluate("document.querySelector('[role=alert]').textContent")
                        .asString())
                .contains("lower the learning rate");
        picture("failed");
        pictureNarrow("failed-narrow");
        unspoilt();
    }

    @Test
    void aLinkIsMadeByItsButtonAndCopied() throws IOException {
        String job = job("linked-in-browser");
        ScriptedWorker worker = new ScriptedWorker(CONSOLE, job, 10);
        worker.train(1, 10);
        worker.succeed("linked-in-browser", "ft:tiny:acme:linked-in-browser:1");
        signIn();
        browser.open(CONSOLE.origin + "/console/jobs/" + job);
        browser.follow("document.querySelector('[data-part=version] button').click()");

        assertThat(browser.evaluate("document.getElementById('made-link').value")
                        .asString())
                .startsWith(CONSOLE.origin + "/d/linked-in-browser/1/");
        browser.evaluate("document.querySelector('[data-copies]').click()");
        browser.until("document.querySelector('[data-copies]').textContent === 'Copied'");
        browser.until(POINTS + " === 10");
        picture("link");
        unspoilt();
    }

    @Test
    void aRunningJobIsCancelledAfterAskingAgain() throws IOException {
        String job = job("unwanted");
        new ScriptedWorker(CONSOLE, job, 100).train(1, 10);
        signIn();
        browser.open(CONSOLE.origin + "/console/jobs/" + job);
        browser.until(POINTS + " === 10");
        browser.evaluate("document.querySelector('.confirm summary').click()");
        picture("cancel");

        browser.follow("document.querySelector('.confirm button').click()");

        assertThat(browser.evaluate("document.querySelector('.badge').textContent")
                        .asString())
                .isEqualTo("cancelling");
        unspoilt();
    }

    @Test
    void theListFollowsItsJobsAndKeepsTheFocus() throws IOException {
        signIn();
        String job = job("comes-later");
        browser.until("document.getElementById('" + job + "') !== null");
        browser.evaluate("document.querySelector('#" + job + " a').focus()");

        new ScriptedWorker(CONSOLE, job, 10).train(1, 5);

        browser.until("document.querySelector('#" + job + " .badge').textContent === 'running'");
        assertThat(browser.evaluate("document.activeElement.closest('tr')?.id").asString())
                .isEqualTo(job);
        pictureDark("jobs-dark");
        pictureNarrow("jobs-narrow");
        unspoilt();
    }

    private void signIn() throws IOException {
        browser.open(CONSOLE.origin + "/console");
        assertThat(browser.evaluate("location.pathname").asString()).isEqualTo("/console/login");
        picture("login");
        browser.evaluate("document.querySelector('[name=key]').value = '" + CONSOLE.key + "'");
        browser.follow("document.querySelector('form button').click()");
        assertThat(browser.evaluate("document.querySelector('h1').textContent").asString())
                .isEqualTo("Jobs");
    }

    /** Nothing was refused or failed, and nothing outside this server was asked. */
    private void unspoilt() {
        assertThat(browser.complaints()).isEmpty();
        assertThat(browser.requests()).isNotEmpty().allMatch(address -> address.startsWith(CONSOLE.origin));
        assertThat(browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                        .asBoolean())
                .isTrue();
    }

    private static String job(String suffix) {
        String job = CONSOLE.rows.queuedJob();
        CONSOLE.jdbc.sql("""
                update fine_tuning_job set suffix = :suffix, metadata = '{"team": "forecast"}', spec = '{
                    "base_model": "tiny", "training_file": "file-train", "format": "chat", "method": "lora",
                    "adapter": {"rank": 16, "alpha": 32, "target_modules": ["q_proj", "v_proj"]},
                    "training": {"epochs": 2, "learning_rate": 0.0002, "schedule": "cosine", "max_length": 1024}}',
                    resolutions = '[
                        {"field": "format", "value": "chat", "reason": "found from the first row"},
                        {"field": "adapter.alpha", "value": "32", "reason": "twice the rank"},
                        {"field": "training.max_length", "value": "1024", "reason": "longer rows are cut off there"}]'
                where id = :id
                """).param("suffix", suffix).param("id", job).update();
        return job;
    }

    private void picture(String name) throws IOException {
        browser.screenshot(PICTURES.resolve(name + ".png"));
    }

    private void pictureDark(String name) throws IOException {
        browser.scheme("dark");
        picture(name);
        browser.scheme("light");
    }

    private void pictureNarrow(String name) throws IOException {
        browser.size(390, 844);
        browser.until("document.documentElement.scrollWidth <= 390");
        picture(name);
        browser.size(1280, 900);
    }
}
