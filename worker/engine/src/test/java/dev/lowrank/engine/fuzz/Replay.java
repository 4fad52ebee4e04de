package dev.lowrank.engine.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Reads all inputs of a folder without instrumentation, so that what they cost is measured as it is:
 * {@code Replay TARGET FOLDER [SAVE]}, where SAVE is a folder that receives the bad ones with recipes followed.
 */
public final class Replay {
    private Replay() {}

    /** Ends the process with 1 if an input is read badly. */
    public static void main(String[] arguments) throws IOException {
        FuzzTarget target = Targets.named(arguments[0]);
        List<Parts> sound = Kept.parts(target);
        Kept.inputs(target).values().forEach(input -> Watch.read(target, input));
        Tally tally = new Tally();
        int bad = 0;
        for (Path file : files(Path.of(arguments[1]))) {
            byte[] bytes = Files.readAllBytes(file);
            byte[] input = Recipe.isOne(bytes) ? Recipe.follow(bytes, sound) : bytes;
            try {
                tally.add(Watch.read(target, input), input.length);
            } catch (AssertionError e) {
                bad++;
                System.err.println(file.getFileName() + ": " + e.getMessage());
                if (arguments.length > 2) {
                    Files.write(Path.of(arguments[2]).resolve(file.getFileName()), input);
                }
            }
        }
        System.err.println(target.name() + ", read again: " + tally);
        System.exit(bad == 0 ? 0 : 1);
    }

    private static List<Path> files(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return List.of(path);
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.sorted().toList();
        }
    }
}
