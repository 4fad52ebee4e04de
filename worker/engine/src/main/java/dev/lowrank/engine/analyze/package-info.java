/** What an adapter does to its base: the figures of the LoRA paper's section 7, as numbers, a table and a picture. */
@NullMarked
package dev.lowrank.engine.analyze;

import org.jspecify.annotations.NullMarked;
