package dev.lowrank.engine.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The inputs that are kept: a folder of small files for each target. */
final class Kept {
    private Kept() {}

    static Map<String, byte[]> inputs(FuzzTarget target) {
        Map<String, byte[]> inputs = new TreeMap<>();
        URL folder = Kept.class.getResource(target.name());
        if (folder == null) {
            throw new IllegalStateException("there is no folder of inputs for " + target.name());
        }
        try (Stream<Path> files = Files.list(Path.of(folder.toURI()))) {
            for (Path file : files.toList()) {
                inputs.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
        return inputs;
    }

    static List<Parts> parts(FuzzTarget target) {
        return inputs(target).values().stream()
                .map(input -> Parts.of(input, target.defaultFile()))
                .toList();
    }
}
