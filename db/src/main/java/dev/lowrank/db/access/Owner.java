package dev.lowrank.db.access;

/** On whose behalf a request is made. */
public record Owner(String keyId, String projectId, String organizationId) {}
