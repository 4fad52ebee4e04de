package dev.lowrank.db.queue;

import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Query results without nulls in them. */
final class Rows {
    private Rows() {}

    static <T> List<T> all(JdbcClient.MappedQuerySpec<@Nullable T> query) {
        return query.list().stream().map(Objects::requireNonNull).toList();
    }
}
