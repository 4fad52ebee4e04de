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
    private static long count;
    private static long mostAllocated;
    private static double mostPerByte;
    private static long longest;
    private static long mostNative;
    private static long refused;

    private FuzzEntry() {}

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> System.err.printf(
                        "%s: %d inputs, %d of them refused; the most: %d bytes allocated (%.0f a byte beyond 1 MiB), %d ms, %d bytes native%n",
                        TARGET.name(), count, refused, mostAllocated, mostPerByte, longest / 1_000_000, mostNative)));
    }

    /** Called by Jazzer with each input. */
    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        byte[] input = Recipe.isOne(bytes) ? Recipe.follow(bytes, SOUND) : bytes;
        Files.write(LAST, input);
        note(Watch.read(TARGET, input), input.length);
    }

    private static void note(Watch.Outcome outcome, int length) {
        count++;
        if (count < 100) {
            return;
        }
        refused += outcome.refusal() == null ? 0 : 1;
        mostAllocated = Math.max(mostAllocated, outcome.allocated());
        mostPerByte = Math.max(mostPerByte, (outcome.allocated() - (1 << 20)) / (double) Math.max(1, length));
        longest = Math.max(longest, outcome.nanoseconds());
        mostNative = Math.max(mostNative, outcome.nativeBytes());
    }
}
