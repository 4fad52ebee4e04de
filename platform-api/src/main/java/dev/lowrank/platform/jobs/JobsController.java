package dev.lowrank.platform.jobs;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.job.Job;
import dev.lowrank.db.job.JobHistory;
import dev.lowrank.db.job.JobHistory.Step;
import dev.lowrank.db.job.Jobs;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.platform.jobs.HistoryBodies.CheckpointBody;
import dev.lowrank.platform.jobs.HistoryBodies.EventBody;
import dev.lowrank.platform.web.ApiException;
import dev.lowrank.platform.web.ListBody;
import jakarta.servlet.http.HttpServletRequest;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.databind.JsonNode;

/** {@code /v1/fine_tuning/jobs}. */
@RestController
@RequestMapping("/v1/fine_tuning/jobs")
class JobsController {
    private static final String JOB = "fine_tuning_job_id";

    private final Jobs jobs;
    private final JobHistory history;
    private final Adapters adapters;
    private final JobCreation creation;

    JobsController(Jobs jobs, JobHistory history, Adapters adapters, JobCreation creation) {
        this.jobs = jobs;
        this.history = history;
        this.adapters = adapters;
        this.creation = creation;
    }

    @PostMapping
    JobBody create(@AuthenticationPrincipal Owner owner, @RequestBody JsonNode body, HttpServletRequest request) {
        return body(creation.create(owner, JobRequest.read(body), RepeatedRequest.of(owner, request, body)));
    }

    @GetMapping
    ListBody<JobBody> list(
            @AuthenticationPrincipal Owner owner,
            @RequestParam(required = false) @Nullable String after,
            @RequestParam(required = false) @Nullable Integer limit,
            HttpServletRequest request) {
        MetadataFilter filter = MetadataFilter.read(request.getParameterMap());
        return ListBody.of(
                jobs.list(owner.projectId(), filter.pairs(), filter.none(), after, ListBody.limit(limit, 20, 1000)),
                this::body,
                JobBody::id);
    }

    @GetMapping("/{id}")
    JobBody get(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        return body(find(owner, id));
    }

    @PostMapping("/{id}/cancel")
    JobBody cancel(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        Job job = find(owner, id);
        // Whoever repeats a cancel because its answer was lost gets what he wanted.
        if (!jobs.requestCancel(owner.projectId(), id)
                && !find(owner, id).status().equals("cancelled")) {
            throw ApiException.badRequest(
                    "Job %s has already %s; only an open job can be cancelled."
                            .formatted(id, find(owner, job.id()).status()),
                    JOB,
                    "job_not_open");
        }
        return get(owner, id);
    }

    @PostMapping({"/{id}/pause", "/{id}/resume"})
    void pauseOrResume(@AuthenticationPrincipal Owner owner, @PathVariable String id) {
        find(owner, id);
        throw ApiException.badRequest(
                "Jobs cannot be paused and resumed by hand in this version; the job was left as it is.",
                JOB,
                "unsupported");
    }

    @GetMapping("/{id}/events")
    ListBody<EventBody> events(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String id,
            @RequestParam(required = false) @Nullable String after,
            @RequestParam(required = false) @Nullable Integer limit) {
        find(owner, id);
        return ListBody.of(history.events(id, after, ListBody.limit(limit, 20, 1000)), EventBody::of, EventBody::id);
    }

    @GetMapping("/{id}/checkpoints")
    ListBody<CheckpointBody> checkpoints(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String id,
            @RequestParam(required = false) @Nullable String after,
            @RequestParam(required = false) @Nullable Integer limit) {
        Job job = find(owner, id);
        return ListBody.of(
                history.checkpoints(id, after, ListBody.limit(limit, 10, 1000)),
                checkpoint -> CheckpointBody.of(job, checkpoint),
                CheckpointBody::id);
    }

    /** Every optimizer step, oldest first; {@code after} is a step. Ours. */
    @GetMapping("/{id}/metrics")
    ListBody<Step> metrics(
            @AuthenticationPrincipal Owner owner,
            @PathVariable String id,
            @RequestParam(defaultValue = "0") int after,
            @RequestParam(required = false) @Nullable Integer limit) {
        find(owner, id);
        return ListBody.of(
                history.steps(id, after, ListBody.limit(limit, 1000, 10_000)),
                step -> step,
                step -> String.valueOf(step.step()));
    }

    private Job find(Owner owner, String id) {
        return jobs.find(owner.projectId(), id).orElseThrow(() -> ApiException.notFound("fine-tuning job", id, JOB));
    }

    private JobBody body(Job job) {
        return JobBody.of(
                job, job.fineTunedModel() == null ? Optional.empty() : adapters.ofJob(job.projectId(), job.id()));
    }
}
