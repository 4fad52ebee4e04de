/** The worker process: it claims jobs, trains them and registers what they made. */
@NullMarked
package dev.lowrank.node;

import org.jspecify.annotations.NullMarked;
