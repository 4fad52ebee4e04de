package dev.lowrank.platform.models;

import dev.lowrank.db.model.Models;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.platform.settings.PlatformSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;

/** Makes the model folders of this installation known at every start, under the names of their folders. */
@Component
@Order(0)
class BaseModels implements ApplicationRunner {
    private static final Logger log = LoggerFactory.getLogger(BaseModels.class);

    private final Models models;
    private final Path root;

    BaseModels(Models models, PlatformSettings settings) {
        this.models = models;
        this.root = settings.models().toAbsolutePath().normalize();
    }

    @Override
    public void run(ApplicationArguments args) throws IOException {
        if (!Files.isDirectory(root)) {
            log.warn("There is no folder {}; put base models there, or set LOWRANK_MODELS.", root);
            return;
        }
        for (Path folder : folders()) {
            register(folder);
        }
    }

    private List<Path> folders() throws IOException {
        try (Stream<Path> entries = Files.list(root)) {
            return entries.filter(folder -> Files.exists(folder.resolve("config.json")))
                    .sorted()
                    .toList();
        }
    }

    private void register(Path folder) {
        try (ModelFolder model = ModelFolder.open(folder)) {
            models.put(folder.getFileName().toString(), folder.toString(), model.sha256(), model.parameters());
            log.info("Base model {}: {} parameters", folder.getFileName(), model.parameters());
        } catch (InputException e) {
            log.warn("{} is not offered as a base: {}", folder.getFileName(), e.getMessage());
        }
    }
}
