package dev.lowrank.db.access;

import dev.lowrank.db.PublicId;
import java.security.MessageDigest;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/** API keys; of the secret only the SHA-256 is ever here. */
public final class ApiKeys {
    private static final String FIND = """
            select k.id, k.project_id, p.organization_id, k.secret_hash
            from api_key k join project p on p.id = k.project_id
            where k.prefix = :prefix and k.revoked_at is null
            """;
    private static final String ADD = """
            insert into api_key (id, project_id, name, prefix, secret_hash) values (:id, :project, :name, :prefix, :hash)
            """;
    // At most one write a minute and key, so that a busy client does not write a row at every request.
    private static final String USED = """
            update api_key set last_used_at = clock_timestamp()
            where id = :id and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')
            """;
    private static final long FIRST_KEY_LOCK = 0x6c6f7772616e6bL;

    private final JdbcClient jdbc;
    private final TransactionOperations transactions;

    public ApiKeys(JdbcClient jdbc, TransactionOperations transactions) {
        this.jdbc = jdbc;
        this.transactions = transactions;
    }

    /** The owner of a key that is not revoked; hashes are compared in constant time. */
    public Optional<Owner> find(String prefix, byte[] secretHash) {
        Optional<Owner> owner = jdbc.sql(FIND)
                .param("prefix", prefix)
                .query(Candidate::of)
                .optional()
                .filter(candidate -> MessageDigest.isEqual(candidate.secretHash(), secretHash))
                .map(Candidate::owner);
        owner.ifPresent(found -> jdbc.sql(USED).param("id", found.keyId()).update());
        return owner;
    }

    @SuppressWarnings("ArrayRecordComponent") // Only ever compared as a whole.
    private record Candidate(Owner owner, byte[] secretHash) {
        static Candidate of(ResultSet row, int n) throws SQLException {
            return new Candidate(new Owner(row.getString(1), row.getString(2), row.getString(3)), row.getBytes(4));
        }
    }

    /** Adds a key to a project and returns its id. */
    public String add(String projectId, String name, String prefix, byte[] secretHash) {
        String id = PublicId.next("key_");
        jdbc.sql(ADD)
                .param("id", id)
                .param("project", projectId)
                .param("name", name)
                .param("prefix", prefix)
                .param("hash", secretHash)
                .update();
        return id;
    }

    /** Whether a key that was valid once still is. */
    public boolean isActive(String id) {
        return jdbc.sql("select count(*) = 1 from api_key where id = :id and revoked_at is null")
                .param("id", id)
                .query(Boolean.class)
                .single();
    }

    public void revoke(String id) {
        jdbc.sql("update api_key set revoked_at = clock_timestamp() where id = :id and revoked_at is null")
                .param("id", id)
                .update();
    }

    /**
     * On a database without any key: makes the default organization and project and adds the first key.
     *
     * @return whether there was none before; of several servers starting at once only one is told so
     */
    public boolean addFirst(String name, String prefix, byte[] secretHash) {
        return Boolean.TRUE.equals(transactions.execute(status -> {
            jdbc.sql("select pg_advisory_xact_lock(:lock)")
                    .param("lock", FIRST_KEY_LOCK)
                    .query((row, n) -> 1)
                    .single();
            boolean none = jdbc.sql("select count(*) = 0 from api_key")
                    .query(Boolean.class)
                    .single();
            if (none) {
                add(defaultProject(), name, prefix, secretHash);
            }
            return none;
        }));
    }

    private String defaultProject() {
        String organization = PublicId.next("org-");
        String project = PublicId.next("proj_");
        jdbc.sql("insert into organization (id, name) values (:id, 'default')")
                .param("id", organization)
                .update();
        jdbc.sql("insert into project (id, organization_id, name) values (:id, :organization, 'default')")
                .param("id", project)
                .param("organization", organization)
                .update();
        return project;
    }
}
