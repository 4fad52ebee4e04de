package dev.lowrank.local.process;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Starts children in a session of their own where the system can: Ctrl-C on the terminal then reaches only the parent,
 * which stops its children in order.
 */
public final class Sessions {
    private Sessions() {}

    /** The command, in its own session if {@code setsid} is there. The process id stays the program's own. */
    public static List<String> ownSession(List<String> command) {
        if (!isOnPath("setsid")) {
            return command;
        }
        List<String> wrapped = new ArrayList<>(List.of("setsid"));
        wrapped.addAll(command);
        return wrapped;
    }

    public static boolean isOnPath(String tool) {
        String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
        return List.of(path.split(File.pathSeparator, -1)).stream()
                .anyMatch(folder -> !folder.isEmpty() && Files.isExecutable(Path.of(folder, tool)));
    }
}
