package dev.lowrank.db;

import javax.sql.DataSource;
import org.flywaydb.core.Flyway;

/** The schema's version: the API migrates, everyone else waits until that is done. */
public final class Schema {
    private Schema() {}

    /**
     * Whether every migration this program knows has been made.
     *
     * @throws RuntimeException if the database does not answer
     */
    public static boolean isCurrent(DataSource database) {
        return Flyway.configure()
                        .dataSource(database)
                        .connectRetries(0)
                        .load()
                        .info()
                        .pending()
                        .length
                == 0;
    }
}
