package dev.lowrank.platform.console;

import dev.lowrank.db.job.Job;
import dev.lowrank.db.job.JobHistory;
import dev.lowrank.db.job.JobHistory.SavedCheckpoint;
import dev.lowrank.db.job.JobWatch;
import dev.lowrank.db.job.JobWatch.Point;
import dev.lowrank.db.job.Jobs;
import java.time.Clock;
import java.util.List;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;

/** Feeds an open job page: what is new since the step and the event that it has. */
@Controller
class JobLive {
    private static final int POINTS = 2000;
    private static final int EVENTS = 200;

    private final Jobs jobs;
    private final JobHistory history;
    private final JobWatch watch;
    private final Clock clock;

    JobLive(Jobs jobs, JobHistory history, JobWatch watch, Clock clock) {
        this.jobs = jobs;
        this.history = history;
        this.watch = watch;
        this.clock = clock;
    }

    @GetMapping(value = "/console/jobs/{id}/live", produces = MediaType.APPLICATION_JSON_VALUE)
    ResponseEntity<LiveJob> since(
            @AuthenticationPrincipal SignedIn user,
            @PathVariable String id,
            @RequestParam(defaultValue = "0") int afterStep,
            @RequestParam(defaultValue = "0") long afterEvent) {
        return jobs.find(user.projectId(), id)
                .map(job -> ResponseEntity.ok(news(job, afterStep, afterEvent)))
                .orElse(ResponseEntity.notFound().build());
    }

    private LiveJob news(Job job, int afterStep, long afterEvent) {
        JobView view = new JobView(job, clock.instant());
        List<Point> points = afterStep == 0 ? watch.curve(job.id(), POINTS) : watch.tail(job.id(), afterStep, POINTS);
        String newest = history.checkpoints(job.id(), null, 1).items().stream()
                .map(SavedCheckpoint::id)
                .findFirst()
                .orElse(null);
        return new LiveJob(
                job.open(),
                view.shape(newest),
                job.attempts(),
                view.percent(),
                view.texts(),
                LiveJob.Columns.of(points),
                afterStep > 0 && points.size() == POINTS,
                watch.messages(job.id(), afterEvent, EVENTS).stream()
                        .map(EventView::of)
                        .toList());
    }
}
