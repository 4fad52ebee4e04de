package dev.lowrank.node;

import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.queue.JobEnding;
import dev.lowrank.db.queue.JobQueue;
import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Workers;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** What the worker is made of. */
@Configuration(proxyBeanMethods = false)
class NodeConfiguration {
    private static final int DEVICE_LOST = 70;

    @Bean
    WorkerName workerName() {
        return WorkerName.random();
    }

    @Bean
    QueueAccess queueAccess(JdbcClient jdbc, PlatformTransactionManager transactionManager) {
        return new QueueAccess(
                new JobQueue(jdbc),
                new JobReports(jdbc),
                new JobEnding(jdbc, new TransactionTemplate(transactionManager)),
                new Workers(jdbc));
    }

    @Bean
    Folders folders(NodeSettings settings) {
        return new Folders(settings.data(), settings.models());
    }

    @Bean
    BlobStore blobStore(Folders folders) {
        return new BlobStore(folders.blobs());
    }

    /** With a code of its own: what this process computes with is lost. */
    @Bean
    ProcessEnd processEnd(ConfigurableApplicationContext context) {
        return () -> Thread.ofPlatform()
                .name("ending")
                .start(() -> System.exit(SpringApplication.exit(context, () -> DEVICE_LOST)));
    }

    // Lazy, so that tests with a trainer of their own need no native libraries.
    @Bean
    @Lazy
    Trainer engineTrainer(NodeSettings settings) {
        return new EngineTrainer(settings.device(), settings.processors());
    }
}
