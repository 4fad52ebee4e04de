package dev.lowrank.engine.tokenizer;

/**
 * A text as tokens.
 *
 * @param ids token ids
 * @param starts where each token begins in the text, in code points; tokens that share a character (the bytes of an
 *     emoji, say) have the same start
 */
public record Encoding(int[] ids, int[] starts) {}
