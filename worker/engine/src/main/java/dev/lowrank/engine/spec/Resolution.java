package dev.lowrank.engine.spec;

/**
 * A value the user left out, and why it is what it is.
 *
 * @param field dotted path, such as {@code training.learning_rate}
 * @param value as it would stand in JSON
 */
public record Resolution(String field, String value, String reason) {}
