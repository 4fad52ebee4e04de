package dev.lowrank.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where Lowrank's parts lie.
 *
 * @param home the folder that holds the modules
 */
public record Installation(Path home) {
    /** As the launcher says, else the folder this JVM was started in. */
    static Installation current() {
        return new Installation(Path.of(System.getProperty("lowrank.home", "")).toAbsolutePath());
    }

    Path java() {
        return Path.of(System.getProperty("java.home"), "bin", "java");
    }

    Path starter() {
        return home.resolve("starter");
    }

    Path models() {
        return starter().resolve("models");
    }

    Path defaultData() {
        return home.resolve("data");
    }

    /** A module and all it needs; our own modules as classes, never as jars, which may be older. */
    List<String> classpath(Module module) {
        List<String> entries = new ArrayList<>();
        entries.add(classes(module));
        for (String entry : recordedClasspath(module).split(":", -1)) {
            if (!entry.isEmpty()) {
                entries.add(ownClassesOr(entry));
            }
        }
        return entries;
    }

    private String recordedClasspath(Module module) {
        try {
            return Files.readString(
                            home.resolve(module.folder()).resolve("target").resolve("classpath"))
                    .strip();
        } catch (IOException e) {
            throw new Problem(
                    "Module %s is not built in %s; start Lowrank through ./lowrank, which builds it."
                            .formatted(module.folder(), home),
                    e);
        }
    }

    private String ownClassesOr(String entry) {
        return Arrays.stream(Module.values())
                .filter(module -> module.isAt(entry))
                .findFirst()
                .map(this::classes)
                .orElse(entry);
    }

    String classes(Module module) {
        return home.resolve(module.folder())
                .resolve("target")
                .resolve("classes")
                .toString();
    }
}
