package dev.lowrank.local;

import dev.lowrank.local.process.ChildMain;
import dev.lowrank.local.process.Program;
import dev.lowrank.local.process.Sessions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A main class of ours in a JVM of its own, which ends when this process ends.
 *
 * @param options Java options beside those every JVM of ours gets
 * @param environment variables beside the inherited ones
 */
record JavaProgram(
        String name,
        Installation installation,
        Module module,
        String mainClass,
        List<String> options,
        List<String> arguments,
        Map<String, String> environment)
        implements Program {

    private static final List<String> COMMON_OPTIONS = List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--add-modules",
            "jdk.incubator.vector",
            "--sun-misc-unsafe-memory-access=allow",
            "-Xshare:auto",
            "-Dslf4j.internal.verbosity=ERROR");

    @Override
    public Process start() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(Sessions.ownSession(command())).redirectErrorStream(true);
        builder.environment().putAll(environment);
        return builder.start();
    }

    /** The whole command line. */
    List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(installation.java().toString());
        command.addAll(COMMON_OPTIONS);
        command.addAll(options);
        command.addAll(ownOptions());
        command.add("-cp");
        command.add(String.join(":", classpath()));
        command.add(ChildMain.class.getName());
        command.add(mainClass);
        command.addAll(arguments);
        return command;
    }

    private List<String> classpath() {
        List<String> classpath = new ArrayList<>(List.of(installation.classes(Module.LOCAL)));
        classpath.addAll(installation.classpath(module));
        return classpath;
    }

    private static List<String> ownOptions() {
        String options =
                System.getenv().getOrDefault("LOWRANK_JAVA_OPTIONS", "").strip();
        return options.isEmpty() ? List.of() : List.of(options.split("\\s+", -1));
    }
}
