package dev.lowrank.platform.files;

import jakarta.servlet.MultipartConfigElement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.unit.DataSize;

/** Where uploads wait while they are checked: on the data disk, not in memory and not in a small temporary folder. */
@Configuration(proxyBeanMethods = false)
class UploadConfiguration {
    private static final DataSize OTHER_PARTS = DataSize.ofKilobytes(64);

    @Bean
    MultipartConfigElement multipartConfig(
            @Value("${lowrank.data}") Path data, @Value("${lowrank.upload-limit}") DataSize limit) throws IOException {
        Path folder = Files.createDirectories(data.toAbsolutePath().resolve("uploads"));
        return new MultipartConfigElement(
                folder.toString(), limit.toBytes(), limit.toBytes() + OTHER_PARTS.toBytes(), (int)
                        OTHER_PARTS.toBytes());
    }
}
