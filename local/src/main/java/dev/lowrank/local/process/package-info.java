/** Child processes that are watched, restarted, logged, and stopped in order. */
@NullMarked
package dev.lowrank.local.process;

import org.jspecify.annotations.NullMarked;
