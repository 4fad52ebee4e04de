package dev.lowrank.platform.models;

import dev.lowrank.db.model.Models;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.ApplicationArguments;
import org.springframework.boot.ApplicationRunner;
import org.springframework.stereotype.Component;

/** Registers the bases that lie in the model folder when the server starts; their names are their folders'. */
@Component
class BaseScan implements ApplicationRunner {
    private static final Logger LOG = LoggerFactory.getLogger(BaseScan.class);

    private final Models models;
    private final Path folder;

    BaseScan(Models models, ModelSettings settings) {
        this.models = models;
        this.folder = settings.models().toAbsolutePath().normalize();
    }

    @Override
    public void run(ApplicationArguments arguments) throws IOException {
        if (!Files.isDirectory(folder)) {
            LOG.warn("The model folder {} does not exist, so there are no bases: set LOWRANK_MODELS.", folder);
            return;
        }
        for (Path base : candidates()) {
            register(base);
        }
    }

    private List<Path> candidates() throws IOException {
        try (Stream<Path> folders = Files.list(folder)) {
            return folders.filter(base -> Files.isRegularFile(base.resolve("config.json")))
                    .sorted()
                    .toList();
        }
    }

    private void register(Path base) {
        String name = base.getFileName().toString();
        try (ModelFolder model = ModelFolder.open(base)) {
            models.put(name, base.toString(), model.sha256(), model.parameters());
            LOG.info("Base model {} with {} parameters", name, model.parameters());
        } catch (InputException e) {
            LOG.warn("The folder {} is not offered as a base: {}", name, e.getMessage());
        }
    }
}
