package dev.lowrank.engine.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A temporary folder that holds the files of one input at a time. */
final class Scratch {
    private static final Path FOLDER = create();

    private Scratch() {}

    private static Path create() {
        try {
            Path folder = Files.createTempDirectory("fuzz");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> clear(folder, true)));
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The folder, with these files and no others. */
    static Path with(Parts parts) throws IOException {
        clear(FOLDER, false);
        for (String name : parts.files().keySet()) {
            Files.write(FOLDER.resolve(name), parts.get(name));
        }
        return FOLDER;
    }

    private static void clear(Path folder, boolean whole) {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.toList();
            for (Path file : all) {
                Files.delete(file);
            }
            if (whole) {
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
