package dev.lowrank.platform.console;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.TestRows;
import dev.lowrank.db.access.ApiKeys;
import dev.lowrank.platform.PlatformApplication;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.simple.JdbcClient;

/** The real server on a free port and a real PostgreSQL, started once for all console tests; a project and its key. */
final class RunningConsole {
    static final RunningConsole INSTANCE = new RunningConsole();

    final String key = "lr_consoletest1_" + "k".repeat(43);
    final String keyId;
    final String origin;
    final JdbcClient jdbc;
    final TestRows rows;
    final ConfigurableApplicationContext context;

    private RunningConsole() {
        TestDatabase database = TestDatabase.create();
        context = new SpringApplicationBuilder(PlatformApplication.class)
                .run(
                        "--server.port=0",
                        "--spring.datasource.url=" + database.jdbcUrl(),
                        "--spring.datasource.username=" + database.user(),
                        "--spring.datasource.password=" + database.password(),
                        "--lowrank.data=" + freshFolder(),
                        "--lowrank.models=" + freshFolder());
        origin = "http://localhost:" + context.getEnvironment().getProperty("local.server.port");
        jdbc = context.getBean(JdbcClient.class);
        rows = new TestRows(jdbc);
        keyId = addKey(TestRows.PROJECT, key);
        jdbc.sql("insert into project (id, organization_id, name) values ('proj_other', 'org-acme', 'Other')")
                .update();
    }

    String addKey(String project, String text) {
        return context.getBean(ApiKeys.class).add(project, "test", text.substring(0, 15), sha256(text));
    }

    /** Somebody with a browser who has not signed in. */
    Visitor stranger() {
        return new Visitor(origin);
    }

    Visitor signedIn() {
        Visitor visitor = stranger();
        visitor.signIn(key);
        return visitor;
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path freshFolder() {
        try {
            return Files.createTempDirectory("lowrank-console-test");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
