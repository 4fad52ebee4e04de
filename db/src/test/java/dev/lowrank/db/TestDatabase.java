package dev.lowrank.db;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A fresh, migrated database of its own for each caller, on one PostgreSQL server a JVM: the one test configuration of
 * all modules. Each is a copy of a template that Flyway migrated once, which takes tens of milliseconds.
 */
public final class TestDatabase {
    private static final String TEMPLATE = "lowrank_template";
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final TestServer server;
    private final String name;

    private TestDatabase(TestServer server, String name) {
        this.server = server;
        this.name = name;
    }

    /** A new database with the current schema and no rows. */
    public static TestDatabase create() {
        return copyOf(Migrated.template());
    }

    /** A new database without any schema, for tests of what happens before the migration. */
    public static TestDatabase createEmpty() {
        return copyOf("template0");
    }

    private static TestDatabase copyOf(String template) {
        TestServer server = TestServer.running();
        String name = "test_" + COUNT.incrementAndGet();
        administer(server, "create database " + name + " template " + template);
        return new TestDatabase(server, name);
    }

    /** Brings this database to the current schema, as the API does when it starts. */
    public void migrate() {
        Flyway.configure().dataSource(dataSource()).load().migrate();
    }

    /** Opens a new connection for each call; pool it where many are needed. */
    public DataSource dataSource() {
        return server.dataSource(name);
    }

    /** A small pool, whose connections go soon after their last use. */
    public DataSource pool() {
        HikariConfig config = new HikariConfig();
        config.setDataSource(dataSource());
        config.setMaximumPoolSize(10);
        config.setMinimumIdle(0);
        config.setIdleTimeout(10_000);
        return new HikariDataSource(config);
    }

    public String jdbcUrl() {
        return server.dataSource(name).getUrl();
    }

    public String user() {
        return server.user();
    }

    public String password() {
        return server.password();
    }

    /** What the database server is, for people. */
    public String server() {
        return server.description();
    }

    /**
     * Ends every connection to this database, as a restart of the server would, and refuses new ones until
     * {@link #allowConnections}.
     */
    public void refuseConnections() {
        administer(server, "alter database " + name + " allow_connections false");
        administer(
                server, "select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'".formatted(name));
    }

    public void allowConnections() {
        administer(server, "alter database " + name + " allow_connections true");
    }

    private static void administer(TestServer server, String sql) {
        try (Connection connection = server.dataSource("postgres").getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException("The test server refused: " + sql, e);
        }
    }

    /** Migrates the template when the first caller asks for a copy. */
    private static final class Migrated {
        private static final String NAME = migrateTemplate();

        static String template() {
            return NAME;
        }

        private static String migrateTemplate() {
            TestServer server = TestServer.running();
            administer(server, "create database " + TEMPLATE);
            PGSimpleDataSource template = server.dataSource(TEMPLATE);
            Flyway.configure().dataSource(template).load().migrate();
            return TEMPLATE;
        }
    }
}
