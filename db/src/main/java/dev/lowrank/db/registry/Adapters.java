package dev.lowrank.db.registry;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The adapter registry as it is read; versions are written by the worker that made them. */
public final class Adapters {
    private static final String ADAPTERS = """
            select a.id, a.name, a.base_model, max(v.number) as latest, a.created_at
            from adapter a join adapter_version v on v.adapter_id = a.id
            where a.project_id = :project
            """;
    private static final String LIST = ADAPTERS + "group by a.id order by a.created_at desc, a.id";
    private static final String ONE = ADAPTERS + "and a.name = :name group by a.id";
    private static final String VERSIONS = """
            select a.name, v.number, v.job_id, a.base_model, v.sha256, v.bytes, v.base_sha256, v.spec::text as spec,
                v.metrics::text as metrics, v.verdict::text as verdict, v.created_at
            from adapter_version v join adapter a on a.id = v.adapter_id
            """;
    private static final String OF_ADAPTER =
            VERSIONS + "where a.project_id = :project and a.name = :name order by v.number desc";
    private static final String OF_JOB = VERSIONS + "where a.project_id = :project and v.job_id = :job";
    private static final String OF_DIGEST =
            VERSIONS + "where a.name = :name and v.number = :number and v.sha256 = :sha256";

    private final JdbcClient jdbc;

    public Adapters(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** Newest first. */
    public List<Adapter> list(String projectId) {
        return jdbc.sql(LIST)
                .param("project", projectId)
                .query(Adapters::adapter)
                .list();
    }

    public Optional<Adapter> find(String projectId, String name) {
        return jdbc.sql(ONE)
                .param("project", projectId)
                .param("name", name)
                .query(Adapters::adapter)
                .optional();
    }

    /** Newest first. */
    public List<AdapterVersion> versions(String projectId, String name) {
        return jdbc.sql(OF_ADAPTER)
                .param("project", projectId)
                .param("name", name)
                .query(Adapters::version)
                .list();
    }

    public Optional<AdapterVersion> version(String projectId, String name, int number) {
        return versions(projectId, name).stream()
                .filter(version -> version.number() == number)
                .findFirst();
    }

    /** What a job made, once it has succeeded. */
    public Optional<AdapterVersion> ofJob(String projectId, String jobId) {
        return jdbc.sql(OF_JOB)
                .param("project", projectId)
                .param("job", jobId)
                .query(Adapters::version)
                .optional();
    }

    /** The version a signed link names; the signature, not a project, says who may have it. */
    public Optional<AdapterVersion> byDigest(String name, int number, String sha256) {
        return jdbc
                .sql(OF_DIGEST)
                .param("name", name)
                .param("number", number)
                .param("sha256", sha256)
                .query(Adapters::version)
                .list()
                .stream()
                .findFirst();
    }

    private static Adapter adapter(ResultSet row, int n) throws SQLException {
        return new Adapter(
                row.getString("id"),
                row.getString("name"),
                row.getString("base_model"),
                row.getInt("latest"),
                row.getTimestamp("created_at").toInstant());
    }

    private static AdapterVersion version(ResultSet row, int n) throws SQLException {
        return new AdapterVersion(
                row.getString("name"),
                row.getInt("number"),
                row.getString("job_id"),
                row.getString("base_model"),
                row.getString("sha256"),
                row.getLong("bytes"),
                row.getString("base_sha256"),
                row.getString("spec"),
                row.getString("metrics"),
                row.getString("verdict"),
                row.getTimestamp("created_at").toInstant());
    }
}
