/** How good a model is on held-out rows: loss, perplexity, and answers that match exactly. */
@NullMarked
package dev.lowrank.engine.evaluate;

import org.jspecify.annotations.NullMarked;
