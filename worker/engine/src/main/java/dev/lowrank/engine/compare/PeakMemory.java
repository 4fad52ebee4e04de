package dev.lowrank.engine.compare;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The most memory a process has had at once. */
final class PeakMemory {
    private static final Path STATUS = Path.of("/proc/self/status");

    private PeakMemory() {}

    /** Resident bytes of this process at their highest so far; null where the system does not say (only Linux does). */
    static @Nullable Long ofThisProcess() throws IOException {
        return Files.isReadable(STATUS) ? in(Files.readAllLines(STATUS)) : null;
    }

    static @Nullable Long in(List<String> status) {
        for (String line : status) {
            if (line.startsWith("VmHWM:")) {
                return 1024 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return null;
    }
}
