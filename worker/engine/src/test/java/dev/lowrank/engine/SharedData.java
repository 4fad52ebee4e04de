package dev.lowrank.engine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Finds the conformance data that lies beside a full checkout; tests that need it are skipped where it is not. */
public final class SharedData {
    private SharedData() {}

    /** A path under {@code shared}, or the test is skipped with the reason. */
    public static Path require(String relative) {
        Path found = find(relative);
        assumeTrue(found != null, "no shared/" + relative + " above the working directory");
        return found;
    }

    private static @Nullable Path find(String relative) {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            Path candidate = at.resolve("shared").resolve(relative);
            if (Files.exists(candidate)) {
                return candidate;
            }
        }
        return null;
    }
}
