package dev.lowrank.node;

import dev.lowrank.db.queue.JobEnding;
import dev.lowrank.db.queue.JobQueue;
import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Workers;

/** The database, as far as a worker sees it. */
record QueueAccess(JobQueue queue, JobReports reports, JobEnding ending, Workers workers) {}
