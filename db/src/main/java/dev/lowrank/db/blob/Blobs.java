package dev.lowrank.db.blob;

import org.springframework.jdbc.core.simple.JdbcClient;

/** The rows that make stored content known. */
public final class Blobs {
    private static final String ADD = """
            insert into blob (sha256, bytes) values (:sha256, :bytes)
            on conflict do nothing
            """;

    private final JdbcClient jdbc;

    public Blobs(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** Makes a blob known; a second time changes nothing. Call it once the bytes are in the store. */
    public void add(Blob blob) {
        add(blob.sha256(), blob.bytes());
    }

    /** Makes a blob known; a second time changes nothing. Call it once the bytes are in the store. */
    public void add(String sha256, long bytes) {
        jdbc.sql(ADD).param("sha256", sha256).param("bytes", bytes).update();
    }
}
