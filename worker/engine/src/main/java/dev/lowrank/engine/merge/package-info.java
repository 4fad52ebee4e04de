/** Adapters worked into the weights of their base, in memory or as a new model folder, and what that changes. */
@NullMarked
package dev.lowrank.engine.merge;

import org.jspecify.annotations.NullMarked;
