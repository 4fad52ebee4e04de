package dev.lowrank.db.model;

import java.time.Instant;

/**
 * A base that workers can load.
 *
 * @param path its folder, on every worker the same
 * @param sha256 digest of its files
 */
public record BaseModel(String name, String path, String sha256, long parameters, Instant createdAt) {}
