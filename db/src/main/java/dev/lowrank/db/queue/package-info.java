/** The job queue: claiming, the lease and its fence, what the holder writes, and the taking back of lost jobs. */
@NullMarked
package dev.lowrank.db.queue;

import org.jspecify.annotations.NullMarked;
