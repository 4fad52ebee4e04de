package dev.lowrank.platform.links;

/** A signed link as clients read it; {@code expiresAt} in unix seconds. */
public record DownloadLink(String object, String url, long expiresAt, String sha256, long bytes) {}
