package dev.lowrank.engine.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How much memory the process holds, heap included; only measured where {@code -Dlowrank.fuzz.resident=true} says that the
 * whole heap was touched before and so does not grow, and elsewhere always nothing. Needs Linux.
 */
final class ResidentMemory {
    private static final boolean MEASURED = Boolean.getBoolean("lowrank.fuzz.resident");
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");

    private ResidentMemory() {}

    static void resetPeak() {
        if (MEASURED) {
            try {
                Files.writeString(CLEAR, "5");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    static long now() {
        return bytes("VmRSS:");
    }

    /** The most since the peak was reset. */
    static long peak() {
        return bytes("VmHWM:");
    }

    private static long bytes(String name) {
        if (!MEASURED) {
            return 0;
        }
        try {
            return Files.readAllLines(STATUS).stream()
                    .filter(line -> line.startsWith(name))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
