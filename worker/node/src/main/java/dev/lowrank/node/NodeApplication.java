package dev.lowrank.node;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;

/** The worker process. It takes no arguments; its environment is described at {@link NodeSettings}. */
@SpringBootApplication
@EnableConfigurationProperties(NodeSettings.class)
public class NodeApplication {
    public static void main(String[] arguments) {
        SpringApplication.run(NodeApplication.class, arguments);
    }
}
