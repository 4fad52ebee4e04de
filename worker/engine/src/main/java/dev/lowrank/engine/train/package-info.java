/** The training loop, its optimizer state and its checkpoints. */
@NullMarked
package dev.lowrank.engine.train;

import org.jspecify.annotations.NullMarked;
