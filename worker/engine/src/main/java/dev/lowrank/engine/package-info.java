/** The fine-tuning engine: it reads a base and a dataset, trains, and writes an adapter. */
@NullMarked
package dev.lowrank.engine;

import org.jspecify.annotations.NullMarked;
