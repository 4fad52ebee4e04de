package dev.lowrank.platform;

import dev.lowrank.db.access.ApiKeys;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.file.Files;
import dev.lowrank.db.job.JobHistory;
import dev.lowrank.db.job.Jobs;
import dev.lowrank.db.job.KnownWorkers;
import dev.lowrank.db.model.Models;
import dev.lowrank.db.registry.Adapters;
import dev.lowrank.db.registry.LinkKeys;
import java.nio.file.Path;
import java.time.Clock;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/** The rows and the bytes that the modules work on; the {@code db} library itself knows no Spring context. */
@Configuration(proxyBeanMethods = false)
class DatabaseConfiguration {
    @Bean
    ApiKeys apiKeys(JdbcClient jdbc, TransactionOperations transactions) {
        return new ApiKeys(jdbc, transactions);
    }

    @Bean
    Files files(JdbcClient jdbc, TransactionOperations transactions) {
        return new Files(jdbc, transactions);
    }

    @Bean
    Models models(JdbcClient jdbc) {
        return new Models(jdbc);
    }

    @Bean
    Jobs jobs(JdbcClient jdbc, TransactionOperations transactions) {
        return new Jobs(jdbc, transactions);
    }

    @Bean
    JobHistory jobHistory(JdbcClient jdbc) {
        return new JobHistory(jdbc);
    }

    @Bean
    KnownWorkers knownWorkers(JdbcClient jdbc) {
        return new KnownWorkers(jdbc);
    }

    @Bean
    Adapters adapters(JdbcClient jdbc) {
        return new Adapters(jdbc);
    }

    @Bean
    LinkKeys linkKeys(JdbcClient jdbc) {
        return new LinkKeys(jdbc);
    }

    @Bean
    BlobStore blobStore(@Value("${lowrank.data}") Path data) {
        return new BlobStore(data.resolve("blobs"));
    }

    @Bean
    Clock clock() {
        return Clock.systemUTC();
    }
}
