/** Makes the starter base and its sample task again, from nothing: text, tokenizer, first weights, datasets. */
@NullMarked
package dev.lowrank.engine.starter;

import org.jspecify.annotations.NullMarked;
