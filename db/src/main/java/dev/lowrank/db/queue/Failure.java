package dev.lowrank.db.queue;

import org.jspecify.annotations.Nullable;

/**
 * Why a job failed, as its owner reads it.
 *
 * @param code a stable word
 * @param message one sentence with cause and remedy
 * @param param the request's field that is to blame, or null
 */
public record Failure(String code, String message, @Nullable String param) {}
