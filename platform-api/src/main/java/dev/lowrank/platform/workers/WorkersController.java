package dev.lowrank.platform.workers;

import dev.lowrank.db.job.KnownWorkers;
import dev.lowrank.db.job.KnownWorkers.KnownWorker;
import dev.lowrank.platform.contract.ListBody;
import dev.lowrank.platform.contract.UnixTime;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** The workers that are there or were within the last hour. */
@RestController
class WorkersController {
    private final KnownWorkers workers;

    WorkersController(KnownWorkers workers) {
        this.workers = workers;
    }

    @GetMapping("/v1/workers")
    ListBody<WorkerBody> list() {
        return ListBody.whole(workers.list().stream().map(WorkerBody::of).toList());
    }

    record WorkerBody(
            String id,
            String object,
            String host,
            String device,
            long startedAt,
            double heartbeatAgeSeconds,
            boolean alive,
            @Nullable String jobId) {
        static WorkerBody of(KnownWorker worker) {
            return new WorkerBody(
                    worker.id(),
                    "worker",
                    worker.host(),
                    worker.device(),
                    UnixTime.of(worker.startedAt()),
                    worker.secondsSinceHeartbeat(),
                    worker.alive(),
                    worker.jobId());
        }
    }
}
