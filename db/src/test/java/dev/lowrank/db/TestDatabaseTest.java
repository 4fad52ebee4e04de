package dev.lowrank.db;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.simple.JdbcClient;

class TestDatabaseTest {
    @Test
    void databasesAreMigratedAndSeparate() {
        JdbcClient first = JdbcClient.create(TestDatabase.create().dataSource());
        JdbcClient second = JdbcClient.create(TestDatabase.create().dataSource());
        first.sql("insert into organization (id, name) values ('org-a', 'A')").update();
        assertThat(count(first)).isEqualTo(1);
        assertThat(count(second)).isZero();
    }

    @Test
    void theSchemaIsCurrentOnceMigrated() {
        TestDatabase database = TestDatabase.createEmpty();
        assertThat(Schema.isCurrent(database.dataSource())).isFalse();
        database.migrate();
        assertThat(Schema.isCurrent(database.dataSource())).isTrue();
    }

    @Test
    void refusesConnectionsUntilAllowedAgain() {
        TestDatabase database = TestDatabase.create();
        JdbcClient jdbc = JdbcClient.create(database.dataSource());
        database.refuseConnections();
        assertThatThrownBy(() -> count(jdbc)).isInstanceOf(DataAccessException.class);
        database.allowConnections();
        assertThat(count(jdbc)).isZero();
    }

    private static long count(JdbcClient jdbc) {
        return jdbc.sql("select count(*) from organization").query(Long.class).single();
    }
}
