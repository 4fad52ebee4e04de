package dev.lowrank.db.model;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Bases and the models made from them. */
public final class Models {
    private static final String UPSERT = """
            insert into base_model (name, path, sha256, parameters) values (:name, :path, :sha256, :parameters)
            on conflict (name) do update set path = excluded.path, sha256 = excluded.sha256, parameters = excluded.parameters
            """;
    private static final String FINE_TUNED = """
            select j.fine_tuned_model, j.model, j.id, p.organization_id, j.finished_at
            from fine_tuning_job j join project p on p.id = j.project_id
            where j.project_id = :project and j.status = 'succeeded'
            """;
    private static final String BASES = "select name, path, sha256, parameters, created_at from base_model ";

    private final JdbcClient jdbc;

    public Models(JdbcClient jdbc) {
        this.jdbc = jdbc;
    }

    /** Makes a base known, or corrects what is known of it. */
    public void put(String name, String path, String sha256, long parameters) {
        jdbc.sql(UPSERT)
                .param("name", name)
                .param("path", path)
                .param("sha256", sha256)
                .param("parameters", parameters)
                .update();
    }

    public List<BaseModel> bases() {
        return jdbc.sql(BASES + "order by name").query(Models::baseRow).list();
    }

    public Optional<BaseModel> base(String name) {
        return jdbc.sql(BASES + "where name = :name")
                .param("name", name)
                .query(Models::baseRow)
                .optional();
    }

    public List<FineTunedModel> fineTuned(String projectId) {
        return jdbc.sql(FINE_TUNED + "order by j.finished_at, j.id")
                .param("project", projectId)
                .query(Models::fineTunedRow)
                .list();
    }

    public Optional<FineTunedModel> fineTuned(String projectId, String name) {
        return jdbc.sql(FINE_TUNED + "and j.fine_tuned_model = :name")
                .param("project", projectId)
                .param("name", name)
                .query(Models::fineTunedRow)
                .optional();
    }

    private static BaseModel baseRow(ResultSet row, int n) throws SQLException {
        return new BaseModel(
                row.getString(1),
                row.getString(2),
                row.getString(3),
                row.getLong(4),
                row.getTimestamp(5).toInstant());
    }

    private static FineTunedModel fineTunedRow(ResultSet row, int n) throws SQLException {
        return new FineTunedModel(
                row.getString(1),
                row.getString(2),
                row.getString(3),
                row.getString(4),
                row.getTimestamp(5).toInstant());
    }
}
