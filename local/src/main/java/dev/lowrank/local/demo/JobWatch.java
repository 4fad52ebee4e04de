package dev.lowrank.local.demo;

import dev.lowrank.local.terminal.Terminal;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Follows one job through the API to its end and shows its progress. */
public final class JobWatch {
    private static final Set<String> ENDED = Set.of("succeeded", "failed", "cancelled");
    private static final Map<String, String> DOING = Map.of(
            "prepare", "Loading the base and encoding the rows",
            "train", "Training",
            "evaluate", "Judging the adapter on the validation rows",
            "verify", "Proving the adapter's files",
            "register", "Registering the adapter");
    private static final Duration PAUSE = Duration.ofMillis(300);
    private static final long PLAIN_EVERY_NANOS = Duration.ofSeconds(5).toNanos();
    private static final int EVENTS_PAGE = 100;

    private final ApiClient api;
    private final Terminal terminal;
    private final ProgressLine line;
    /** Training loss by step; a step that was trained twice, because a worker died, counts once. */
    private final TreeMap<Integer, Double> losses = new TreeMap<>();

    private @Nullable Double tokensPerSecond;
    private int totalSteps;
    private long firstStepNanos;
    private int firstStep;
    private long plainShownNanos = System.nanoTime();

    public JobWatch(ApiClient api, Terminal terminal) {
        this.api = api;
        this.terminal = terminal;
        this.line = new ProgressLine(terminal);
    }

    /** The job when it has ended, however it ended. */
    public JsonNode untilEnd(String job) throws IOException, InterruptedException {
        while (true) {
            JsonNode state = api.get("/v1/fine_tuning/jobs/" + job);
            readMetrics(job);
            if (ENDED.contains(state.path("status").asString(""))) {
                terminal.clearStatus();
                return state;
            }
            show(state);
            Thread.sleep(PAUSE);
        }
    }

    /** Training losses in the order of their steps; of long jobs not every step has an event. */
    public List<Double> losses() {
        return new ArrayList<>(losses.values());
    }

    /** Newest first, so pages are read until they hold nothing new. */
    private void readMetrics(String job) throws IOException, InterruptedException {
        String after = "";
        boolean more = true;
        while (more) {
            JsonNode page = api.get("/v1/fine_tuning/jobs/%s/events?limit=%d%s".formatted(job, EVENTS_PAGE, after));
            boolean news = false;
            String last = "";
            for (JsonNode event : page.path("data")) {
                news |= readMetric(event.path("data"));
                last = event.path("id").asString("");
            }
            more = news && page.path("has_more").asBoolean(false);
            after = "&after=" + last;
        }
    }

    private boolean readMetric(JsonNode metric) {
        if (!metric.has("train_loss") || !metric.path("step").isIntegralNumber()) {
            return false;
        }
        int step = metric.path("step").asInt();
        boolean news = losses.put(step, metric.path("train_loss").asDouble()) == null;
        if (news && step == losses.lastKey() && metric.path("tokens_per_second").isNumber()) {
            tokensPerSecond = metric.path("tokens_per_second").asDouble();
        }
        return news;
    }

    private void show(JsonNode job) {
        totalSteps = job.at("/lowrank/progress/total_steps").asInt(totalSteps);
        String phase = job.at("/lowrank/progress/phase").asString("");
        if (losses.isEmpty() || !phase.equals("train")) {
            String doing = DOING.getOrDefault(phase, "Waiting for a worker");
            terminal.status("  " + terminal.dim(doing + "…"));
            return;
        }
        Progress progress = progress();
        if (terminal.isLive()) {
            terminal.status(line.drawn(progress));
        } else if (System.nanoTime() - plainShownNanos > PLAIN_EVERY_NANOS) {
            plainShownNanos = System.nanoTime();
            terminal.line(line.plain(progress));
        }
    }

    private Progress progress() {
        int step = losses.lastKey();
        if (firstStepNanos == 0) {
            firstStepNanos = System.nanoTime();
            firstStep = step;
        }
        return new Progress(step, totalSteps, losses(), tokensPerSecond, secondsLeft(step));
    }

    private @Nullable Double secondsLeft(int step) {
        if (totalSteps == 0 || step == firstStep) {
            return null;
        }
        double secondsPerStep = (System.nanoTime() - firstStepNanos) / 1e9 / (step - firstStep);
        return (totalSteps - step) * secondsPerStep;
    }
}
