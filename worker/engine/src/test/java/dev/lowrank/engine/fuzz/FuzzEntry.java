package dev.lowrank.engine.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Where Jazzer comes in. {@code -Dlowrank.fuzz.target} names the target; each input is first written to the file
 * {@code last-input} of the folder {@code -Dlowrank.fuzz.folder}, for native code may end the process.
 */
public final class FuzzEntry {
    private static final FuzzTarget TARGET = Targets.named(System.getProperty("lowrank.fuzz.target", ""));
    private static final Path LAST = Path.of(System.getProperty("lowrank.fuzz.folder", "."), "last-input");
    private static final List<Parts> SOUND = Kept.parts(TARGET);
    private static final Tally TALLY = new Tally();

    private FuzzEntry() {}

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> System.err.println(TARGET.name() + ", instrumented: " + TALLY)));
    }

    /** Called by Jazzer with each input. */
    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        byte[] input = Recipe.isOne(bytes) ? Recipe.follow(bytes, SOUND) : bytes;
        Files.write(LAST, input);
        TALLY.add(Watch.read(TARGET, input), input.length);
    }
}
