package dev.lowrank.platform.console;

import dev.lowrank.db.Page;
import dev.lowrank.db.job.Job;
import dev.lowrank.db.job.Jobs;
import dev.lowrank.db.job.KnownWorkers;
import dev.lowrank.db.job.KnownWorkers.KnownWorker;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;

/** All jobs of a project, newest first, under figures that sum them up. */
@Controller
class JobsPage {
    private static final int ROWS = 50;

    private final Jobs jobs;
    private final KnownWorkers workers;
    private final Clock clock;

    JobsPage(Jobs jobs, KnownWorkers workers, Clock clock) {
        this.jobs = jobs;
        this.workers = workers;
        this.clock = clock;
    }

    /** A figure over the list; its name is its style as well. */
    record Figure(String state, long count) {}

    @GetMapping({"/console", "/console/jobs"})
    String list(@AuthenticationPrincipal SignedIn user, @RequestParam @Nullable String after, Model model) {
        Page<Job> page = jobs.list(user.projectId(), null, false, after, ROWS);
        model.addAttribute("figures", figures(jobs.counts(user.projectId())));
        model.addAttribute(
                "jobs",
                page.items().stream()
                        .map(job -> new JobView(job, clock.instant()))
                        .toList());
        model.addAttribute("next", page.hasMore() ? page.items().getLast().id() : null);
        model.addAttribute("later", after != null);
        model.addAttribute("workers", sentence(workers.list()));
        return "console/jobs";
    }

    private static List<Figure> figures(Map<String, Long> counts) {
        return List.of(
                new Figure("queued", count(counts, "queued") + count(counts, "validating_files")),
                new Figure("running", count(counts, "running")),
                new Figure("succeeded", count(counts, "succeeded")),
                new Figure("failed", count(counts, "failed")),
                new Figure("cancelled", count(counts, "cancelled")));
    }

    private static long count(Map<String, Long> counts, String status) {
        return counts.getOrDefault(status, 0L);
    }

    // Only numbers: what the other workers do may be another project's business.
    private static String sentence(List<KnownWorker> workers) {
        long alive = workers.stream().filter(KnownWorker::alive).count();
        long busy = workers.stream().filter(w -> w.alive() && w.jobId() != null).count();
        return alive == 0
                ? "No worker is alive: jobs wait until one starts."
                : "%d %s alive, %d at work".formatted(alive, alive == 1 ? "worker" : "workers", busy);
    }
}
