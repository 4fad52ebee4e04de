package dev.lowrank.engine.compare;

import dev.lowrank.engine.InputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Runs this program again as a child process for one half of one variant. */
final class Child {
    private static final int ENDS_WITHIN_SECONDS = 10;

    private final String mainClass;
    private final String command;

    /** @param command the hidden one that takes {@code --part PART FOLDER} */
    Child(String mainClass, String command) {
        this.mainClass = mainClass;
        this.command = command;
    }

    /**
     * Waits until the child has done its part.
     *
     * @throws VariantFailure with what the child said last, if it did not succeed
     */
    void run(VariantProcess part, Path folder, Consumer<ChildProgress> progress) throws IOException {
        String name = part.name().toLowerCase(Locale.ROOT);
        Path errors = folder.resolve(name + ".log");
        Process process = started(arguments(name, folder), errors);
        Thread ending = new Thread(process::destroy, "ends-" + name);
        Runtime.getRuntime().addShutdownHook(ending);
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                ChildProgress said = ChildProgress.parse(line);
                if (said != null) {
                    progress.accept(said);
                }
            }
            int code = process.waitFor();
            if (code != 0) {
                throw new VariantFailure(reason(errors, code));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InputException("The comparison was interrupted; the same command goes on with it.", e);
        } finally {
            stop(process);
            removeHook(ending);
        }
    }

    private static Process started(List<String> arguments, Path errors) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(arguments).redirectError(errors.toFile());
        // glibc else sets memory aside for each thread, which says nothing of the variant.
        builder.environment().putIfAbsent("MALLOC_ARENA_MAX", "2");
        return builder.start();
    }

    private List<String> arguments(String part, Path folder) {
        List<String> arguments = new ArrayList<>();
        arguments.add(ProcessHandle.current().info().command().orElse("java"));
        arguments.addAll(List.of(
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules",
                "jdk.incubator.vector",
                "--sun-misc-unsafe-memory-access=allow",
                // A small nursery and a heap that grows only as far as it must: little of the peak is garbage.
                "-XX:+UseSerialGC",
                "-Xms32m",
                "-Xmn16m",
                "-Xshare:auto",
                "-Dslf4j.internal.verbosity=ERROR"));
        String more = System.getenv("LOWRANK_JAVA_OPTIONS");
        if (more != null && !more.isBlank()) {
            arguments.addAll(List.of(more.strip().split("\\s+", -1)));
        }
        arguments.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass, command));
        arguments.addAll(List.of("--part", part, folder.toString()));
        return arguments;
    }

    private static void stop(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(ENDS_WITHIN_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private static void removeHook(Thread ending) {
        try {
            Runtime.getRuntime().removeShutdownHook(ending);
        } catch (IllegalStateException e) {
            // The shutdown has begun and runs the hook itself.
        }
    }

    private static String reason(Path errors, int code) throws IOException {
        List<String> said = Files.readAllLines(errors).stream()
                .filter(line -> line.startsWith("lowrank: "))
                .toList();
        return said.isEmpty()
                ? "its process ended with code %d; see %s in its folder.".formatted(code, errors.getFileName())
                : said.getLast().substring("lowrank: ".length());
    }
}
