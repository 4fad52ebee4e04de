/** Fine-tuning jobs: requests resolved and queued, watched and cancelled. */
@NullMarked
package dev.lowrank.platform.jobs;

import org.jspecify.annotations.NullMarked;
