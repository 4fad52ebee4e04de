package dev.lowrank.local.process;

import java.io.IOException;

/** Something that runs as a process of its own and can be started again. */
public interface Program {
    /** Short, for people and for the log file: {@code "worker-1"}. */
    String name();

    /** A new process, its standard output and error in one stream. */
    Process start() throws IOException;

    /** Asks the process to end in good order; SIGTERM unless the program needs another way. */
    default void askToStop(Process process) {
        // Through the handle: Process.destroy would close the pipe on the program's last words.
        process.toHandle().destroy();
    }
}
