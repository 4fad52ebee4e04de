package dev.lowrank.local.demo;

import dev.lowrank.local.terminal.Terminal;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The sample fine-tuning job, from the upload of its data to the adapter on this disk; HTTP only, like any client. */
public final class SampleJob {
    private final ApiClient api;
    private final Terminal terminal;
    private final Path starter;

    /** @param starter holds {@code demo-job.json} and the folder {@code data} */
    public SampleJob(ApiClient api, Terminal terminal, Path starter) {
        this.api = api;
        this.terminal = terminal;
        this.starter = starter;
    }

    /** @param adapters folder that receives the adapter's folder */
    public TrainedJob run(Path adapters) throws IOException, InterruptedException {
        Steps steps = new Steps(terminal);
        ObjectNode request =
                (ObjectNode) JsonMapper.shared().readTree(Files.readString(starter.resolve("demo-job.json")));
        JsonNode training = upload("train.jsonl");
        JsonNode validation = upload("validation.jsonl");
        steps.done("Uploaded %d training and %d validation rows; every line was checked"
                .formatted(rows("train.jsonl"), rows("validation.jsonl")));
        request.put("training_file", training.required("id").asString());
        request.put("validation_file", validation.required("id").asString());
        JsonNode created = api.post("/v1/fine_tuning/jobs", request);
        String job = created.required("id").asString();
        steps.done("Created job " + job + " on " + created.required("model").asString());
        JobWatch watch = new JobWatch(api, terminal);
        JsonNode ended = watch.untilEnd(job);
        requireSucceeded(ended);
        List<Double> losses = watch.losses();
        steps.done("Trained %d steps; loss %s → %s"
                .formatted(stepsOf(ended), ProgressLine.loss(losses.getFirst()), ProgressLine.loss(losses.getLast())));
        return fetch(job, ended, losses, adapters, steps);
    }

    private JsonNode upload(String name) throws IOException, InterruptedException {
        JsonNode file = api.upload(starter.resolve("data").resolve(name));
        if (file.path("status").asString("").equals("error")) {
            throw new ApiFailure("%s was refused: %s"
                    .formatted(name, file.path("status_details").asString("")));
        }
        return file;
    }

    private long rows(String name) throws IOException {
        try (var lines = Files.lines(starter.resolve("data").resolve(name))) {
            return lines.filter(line -> !line.isBlank()).count();
        }
    }

    private static void requireSucceeded(JsonNode job) {
        String status = job.path("status").asString("");
        if (!status.equals("succeeded")) {
            throw new ApiFailure("The job ended as %s: %s"
                    .formatted(status, job.at("/error/message").asString("no reason was given")));
        }
    }

    private static int stepsOf(JsonNode job) {
        return job.at("/lowrank/progress/step").asInt(0);
    }

    private TrainedJob fetch(String job, JsonNode ended, List<Double> losses, Path adapters, Steps steps)
            throws IOException, InterruptedException {
        AdapterVersion version = AdapterVersion.of(ended);
        JsonNode link = api.post(
                "/v1/adapters/%s/versions/%d/links".formatted(ApiClient.segment(version.name()), version.number()),
                JsonMapper.shared().createObjectNode());
        URI address = api.resolve(link.required("url").asString());
        Path folder = adapters.resolve(version.name() + "-v" + version.number());
        new AdapterDownload(api).into(address, version.sha256(), folder);
        steps.done("Downloaded the adapter through its signed link; its SHA-256 is right");
        return new TrainedJob(
                job,
                ended.path("fine_tuned_model").asString(""),
                stepsOf(ended),
                losses.getFirst(),
                losses.getLast(),
                address,
                folder);
    }
}
