/** Model families: what a config.json says, as layers over the tape. */
@NullMarked
package dev.lowrank.engine.model;

import org.jspecify.annotations.NullMarked;
