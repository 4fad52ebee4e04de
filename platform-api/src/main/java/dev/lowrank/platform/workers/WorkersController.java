package dev.lowrank.platform.workers;

import dev.lowrank.db.job.KnownWorkers;
import dev.lowrank.db.job.KnownWorkers.KnownWorker;
import dev.lowrank.platform.web.ListBody;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** {@code /v1/workers}. */
@RestController
class WorkersController {
    private final KnownWorkers workers;

    WorkersController(KnownWorkers workers) {
        this.workers = workers;
    }

    /** A worker as clients read it. */
    record WorkerBody(
            String id,
            String object,
            String host,
            String device,
            boolean alive,
            long startedAt,
            double secondsSinceHeartbeat,
            @Nullable String currentJob) {
        static WorkerBody of(KnownWorker worker) {
            return new WorkerBody(
                    worker.id(),
                    "worker",
                    worker.host(),
                    worker.device(),
                    worker.alive(),
                    worker.startedAt().getEpochSecond(),
                    worker.secondsSinceHeartbeat(),
                    worker.jobId());
        }
    }

    @GetMapping("/v1/workers")
    ListBody<WorkerBody> list() {
        return ListBody.of(workers.list().stream().map(WorkerBody::of).toList(), WorkerBody::id);
    }
}
