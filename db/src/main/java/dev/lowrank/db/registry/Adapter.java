package dev.lowrank.db.registry;

import java.time.Instant;

/** A named line of versions on one base. */
public record Adapter(String id, String name, String baseModel, int latestVersion, Instant createdAt) {}
