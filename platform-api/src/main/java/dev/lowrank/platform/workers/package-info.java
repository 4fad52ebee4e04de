/** The workers that are there, and what each does. */
@NullMarked
package dev.lowrank.platform.workers;

import org.jspecify.annotations.NullMarked;
