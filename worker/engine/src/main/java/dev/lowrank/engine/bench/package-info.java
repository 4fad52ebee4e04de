/** How fast training is here, and how much memory it takes: the steps of real runs, measured. */
@NullMarked
package dev.lowrank.engine.bench;

import org.jspecify.annotations.NullMarked;
