package dev.lowrank.node;

import org.springframework.batch.core.configuration.annotation.EnableBatchProcessing;
import org.springframework.batch.core.configuration.annotation.EnableJdbcJobRepository;
import org.springframework.batch.core.repository.ExecutionContextSerializer;
import org.springframework.batch.core.repository.dao.JacksonExecutionContextStringSerializer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.annotation.Isolation;

/**
 * Spring Batch's own bookkeeping. Its default isolation, SERIALIZABLE, loses launches when several workers start at the
 * same moment; the unique key on instances is what keeps them apart.
 */
@Configuration(proxyBeanMethods = false)
@EnableBatchProcessing
@EnableJdbcJobRepository(
        tablePrefix = "batch.BATCH_",
        isolationLevelForCreate = Isolation.READ_COMMITTED,
        executionContextSerializerRef = "executionContextSerializer")
class BatchConfiguration {
    /** JSON, because the default writes Java objects that whoever can write a row could forge. */
    @Bean
    ExecutionContextSerializer executionContextSerializer() {
        return new JacksonExecutionContextStringSerializer();
    }
}
