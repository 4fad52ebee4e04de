/** Fuzzing of everything that reads what others made: targets, what each may do with an input, and how inputs are made. */
@NullMarked
package dev.lowrank.engine.fuzz;

import org.jspecify.annotations.NullMarked;
