package dev.lowrank.engine.train;

import dev.lowrank.engine.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** The families and traces of a set of conformance data. */
final class GoldenData {
    private GoldenData() {}

    static Stream<Path> families() throws IOException {
        return folders(root(), "forward.safetensors");
    }

    /** Family and name of every folder of a family that holds a file. */
    static Stream<Arguments> traces(String holding) throws IOException {
        return families().flatMap(family -> traces(family, holding));
    }

    private static Stream<Arguments> traces(Path family, String holding) {
        try {
            return folders(family, holding)
                    .map(trace -> Arguments.of(family, trace.getFileName().toString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Stream<Path> folders(Path root, String holding) throws IOException {
        try (Stream<Path> entries = Files.list(root)) {
            return entries.filter(folder -> Files.exists(folder.resolve(holding))).sorted().toList().stream();
        }
    }

    private static Path root() {
        String other = System.getenv("LOWRANK_GOLDEN");
        return other == null ? SharedData.require("golden") : Path.of(other);
    }
}
