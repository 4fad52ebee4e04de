package dev.lowrank.platform.console;

import dev.lowrank.db.file.Files;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.db.job.Job;
import dev.lowrank.db.job.JobHistory;
import dev.lowrank.db.job.JobHistory.SavedCheckpoint;
import dev.lowrank.db.job.JobWatch;
import dev.lowrank.db.job.Jobs;
import dev.lowrank.db.registry.Adapters;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;

/** All about one job. */
@Controller
class JobPage {
    private static final int EVENTS = 200;
    private static final int CHECKPOINTS = 20;

    private final Jobs jobs;
    private final JobHistory history;
    private final JobWatch watch;
    private final Files files;
    private final Adapters adapters;
    private final Clock clock;

    JobPage(Jobs jobs, JobHistory history, JobWatch watch, Files files, Adapters adapters, Clock clock) {
        this.jobs = jobs;
        this.history = history;
        this.watch = watch;
        this.files = files;
        this.adapters = adapters;
        this.clock = clock;
    }

    @GetMapping("/console/jobs/{id}")
    String show(@AuthenticationPrincipal SignedIn user, @PathVariable String id, Model model) {
        Job job = jobs.find(user.projectId(), id).orElseThrow(() -> absent(id));
        Instant now = clock.instant();
        JobView view = new JobView(job, now);
        List<SavedCheckpoint> checkpoints =
                history.checkpoints(id, null, CHECKPOINTS).items();
        List<EventView> events =
                watch.messages(id, 0, EVENTS).stream().map(EventView::of).toList();
        model.addAttribute("job", view);
        model.addAttribute(
                "shape",
                view.shape(checkpoints.isEmpty() ? null : checkpoints.getFirst().id()));
        model.addAttribute("trainingFile", filename(user, job.trainingFile()));
        model.addAttribute("validationFile", filename(user, job.validationFile()));
        model.addAttribute("settings", Setting.of(job.spec(), job.resolutions()));
        model.addAttribute("metadata", job.metadata() == null ? Map.of() : Setting.pairs(job.metadata()));
        model.addAttribute(
                "attempts",
                history.attempts(id).reversed().stream()
                        .map(a -> new AttemptView(a, now))
                        .toList());
        model.addAttribute(
                "checkpoints", checkpoints.stream().map(CheckpointView::new).toList());
        model.addAttribute("events", events);
        model.addAttribute(
                "eventCursor", events.isEmpty() ? 0 : events.getFirst().sequence());
        model.addAttribute(
                "version",
                adapters.ofJob(user.projectId(), id).map(VersionView::of).orElse(null));
        return "console/job";
    }

    @PostMapping("/console/jobs/{id}/cancel")
    String cancel(@AuthenticationPrincipal SignedIn user, @PathVariable String id) {
        // A job that has ended meanwhile is no error: the page says how it ended.
        if (!jobs.requestCancel(user.projectId(), id)
                && jobs.find(user.projectId(), id).isEmpty()) {
            throw absent(id);
        }
        return "redirect:/console/jobs/" + id;
    }

    private @Nullable String filename(SignedIn user, @Nullable String file) {
        return file == null
                ? null
                : files.find(user.projectId(), file).map(StoredFile::filename).orElse(file + " (deleted)");
    }

    static NotFoundException absent(String id) {
        return new NotFoundException("There is no job " + id + " in this project.");
    }
}
