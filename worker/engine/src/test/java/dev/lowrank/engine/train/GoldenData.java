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

    static Stream<Arguments> traces() throws IOException {
        return families().flatMap(GoldenData::traces);
    }

    private static Stream<Arguments> traces(Path family) {
        try {
            return folders(family, "trace.json")
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
