/** The worker process: claims one job at a time, runs it through Spring Batch, and registers what came out. */
@NullMarked
package dev.lowrank.node;

import org.jspecify.annotations.NullMarked;
