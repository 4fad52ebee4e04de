/** A base model's own tokenizer, from its tokenizer.json. */
@NullMarked
package dev.lowrank.engine.tokenizer;

import org.jspecify.annotations.NullMarked;
