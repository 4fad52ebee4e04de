/** The worker processes, as they are seen from outside. */
@NullMarked
package dev.lowrank.platform.workers;

import org.jspecify.annotations.NullMarked;
