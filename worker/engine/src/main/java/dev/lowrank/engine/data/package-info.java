/** Datasets: rows in the formats people have, checked line by line, as token ids and labels. */
@NullMarked
package dev.lowrank.engine.data;

import org.jspecify.annotations.NullMarked;
