package dev.lowrank.engine.data;

import org.jspecify.annotations.Nullable;

/**
 * A row as tokens, and the text they came from.
 *
 * @param text null for a row that was given as ids
 * @param starts [length] where each token begins in the text, in code points; null likewise
 */
record EncodedRow(@Nullable String text, int @Nullable [] starts, Example example) {}
