package dev.lowrank.local;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** The commands that run servers on this machine. The launcher script starts this class. */
@Command(
        name = "lowrank",
        mixinStandardHelpOptions = true,
        subcommands = {DemoCommand.class, UpCommand.class, ForegroundCommand.Api.class, ForegroundCommand.Worker.class})
public final class LocalMain {
    private LocalMain() {}

    public static void main(String[] args) {
        System.exit(run(args));
    }

    static int run(String... args) {
        return new CommandLine(new LocalMain())
                .setParameterExceptionHandler(LocalMain::explainUsage)
                .setExecutionExceptionHandler((failure, command, result) -> explain(failure))
                .execute(args);
    }

    private static int explainUsage(ParameterException failure, String[] args) {
        System.err.printf(
                "lowrank: %s; ./lowrank %s --help explains it.%n",
                failure.getMessage(), failure.getCommandLine().getCommandName());
        return 2;
    }

    private static int explain(Exception failure) {
        String message = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        System.err.println("lowrank: " + message);
        if (!(failure instanceof Problem) && System.getenv("LOWRANK_DEBUG") != null) {
            failure.printStackTrace();
        }
        return 1;
    }
}
