package dev.lowrank.platform.auth;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.access.ApiKeys;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.boot.DefaultApplicationArguments;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

class FirstKeyTest {
    private final DataSource database = TestDatabase.create().dataSource();
    private final JdbcClient jdbc = JdbcClient.create(database);
    private final ApiKeys keys = new ApiKeys(jdbc, new TransactionTemplate(new JdbcTransactionManager(database)));

    private List<String> start() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new FirstKey(keys, new PrintStream(out, true, StandardCharsets.UTF_8)).run(new DefaultApplicationArguments());
        return out.toString(StandardCharsets.UTF_8).lines().toList();
    }

    @Test
    void theFirstStartShowsAKeyOnALineOfItsOwnAndNoLaterOneDoes() {
        List<String> lines = start();
        assertThat(lines).hasSize(2);
        assertThat(lines.get(1)).matches("lr_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}");
        assertThat(start()).isEmpty();
    }

    @Test
    void theKeyOpensAndTheDatabaseHoldsNoSecret() {
        String key = start().get(1);
        ApiKeyCheck check = new ApiKeyCheck(keys);
        assertThat(check.owner(key)).isPresent();
        assertThat(check.owner(key + "x")).isEmpty();
        assertThat(check.owner("")).isEmpty();
        String secret = key.substring(key.lastIndexOf('_') + 1);
        String row = jdbc.sql("select row_to_json(k)::text from api_key k")
                .query(String.class)
                .single();
        assertThat(row).contains(key.substring(0, 15)).doesNotContain(secret);
    }
}
