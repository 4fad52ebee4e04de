package dev.lowrank.local;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a platform on this machine is made of.
 *
 * @param data all its state
 * @param models folders of base models
 * @param port of the API and the console
 * @param workers how many worker processes
 * @param database JDBC address of a PostgreSQL 18, or null for the embedded one
 */
record PlatformSettings(
        Path data,
        Path models,
        int port,
        int workers,
        @Nullable String database) {}
