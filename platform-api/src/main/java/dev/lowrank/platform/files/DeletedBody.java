package dev.lowrank.platform.files;

/** The answer to a deletion. */
record DeletedBody(String id, String object, boolean deleted) {}
