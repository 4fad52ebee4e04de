/** What a config.json says about a published model family, as one description that the engine builds from. */
@NullMarked
package dev.lowrank.engine.family;

import org.jspecify.annotations.NullMarked;
