package dev.lowrank.db.registry;

import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The secrets that sign download links; the newest signs, all verify. */
public final class LinkKeys {
    private static final String FIRST = """
            insert into link_key (secret) select :secret where not exists (select from link_key)
            """;

    /** A signing secret of 32 bytes under its number. */
    @SuppressWarnings("ArrayRecordComponent") // A secret is only ever handed to a MAC.
    public record LinkKey(int id, byte[] secret) {}

    private final JdbcClient jdbc;

    public LinkKeys(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** The key to sign with; {@code fresh} becomes it if there is none yet. */
    public LinkKey newest(byte[] fresh) {
        jdbc.sql(FIRST).param("secret", fresh).update();
        return jdbc.sql("select id, secret from link_key order by id desc limit 1")
                .query((row, n) -> new LinkKey(row.getInt(1), row.getBytes(2)))
                .single();
    }

    public Optional<LinkKey> find(int id) {
        return jdbc.sql("select id, secret from link_key where id = :id")
                .param("id", id)
                .query((row, n) -> new LinkKey(row.getInt(1), row.getBytes(2)))
                .optional();
    }
}
