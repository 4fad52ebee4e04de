/** Text from a model, token by token, with a key-value cache. */
@NullMarked
package dev.lowrank.engine.generate;

import org.jspecify.annotations.NullMarked;
