package dev.lowrank.engine.cli;

/** Runs the command line within the tests' own process. */
public final class CommandLineRun {
    private CommandLineRun() {}

    /** The exit code. */
    public static int of(String... arguments) {
        return Lowrank.run(arguments);
    }
}
