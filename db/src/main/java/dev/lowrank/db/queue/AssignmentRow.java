package dev.lowrank.db.queue;

import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** Reads an {@link Assignment}. */
final class AssignmentRow {
    private AssignmentRow() {}

    static Assignment map(ResultSet row, int number) throws SQLException {
        return new Assignment(
                row.getString("job_id"),
                row.getString("project_id"),
                row.getString("organization_id"),
                row.getString("model"),
                row.getString("suffix"),
                row.getString("spec"),
                base(row),
                row.getString("training_file"),
                row.getString("training_sha256"),
                row.getString("validation_file"),
                row.getString("validation_sha256"));
    }

    private static Assignment.@Nullable Base base(ResultSet row) throws SQLException {
        String name = row.getString("base_name");
        return name == null
                ? null
                : new Assignment.Base(name, row.getString("base_path"), row.getString("base_sha256"));
    }
}
