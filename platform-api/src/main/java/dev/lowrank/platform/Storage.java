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
import dev.lowrank.platform.settings.PlatformSettings;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/** The repositories and the blob store, which know nothing of Spring's container themselves. */
@Configuration(proxyBeanMethods = false)
class Storage {
    @Bean
    BlobStore blobStore(PlatformSettings settings) {
        return new BlobStore(settings.data().resolve("blobs"));
    }

    @Bean
    ApiKeys apiKeys(JdbcClient jdbc, TransactionOperations transactions) {
        return new ApiKeys(jdbc, transactions);
    }

    @Bean
    Files files(JdbcClient jdbc, TransactionOperations transactions) {
        return new Files(jdbc, transactions);
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
    Models models(JdbcClient jdbc) {
        return new Models(jdbc);
    }

    @Bean
    Adapters adapters(JdbcClient jdbc) {
        return new Adapters(jdbc);
    }

    @Bean
    LinkKeys linkKeys(JdbcClient jdbc) {
        return new LinkKeys(jdbc);
    }
}
