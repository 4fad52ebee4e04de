package dev.lowrank.db.model;

import java.time.Instant;

/** What a succeeded job made, by the name clients know it by ({@code ft:…}). */
public record FineTunedModel(String name, String baseModel, String jobId, String organizationId, Instant createdAt) {}
