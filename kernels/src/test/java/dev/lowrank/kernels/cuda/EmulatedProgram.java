package dev.lowrank.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/** Builds the emulated device out of the kernels with g++, once for the same sources. */
final class EmulatedProgram {
    private static final List<String> OPTIONS =
            List.of("-std=c++17", "-O1", "-g1", "-Wall", "-Wno-unknown-pragmas", "-ffp-contract=off", "-mfma");

    private static final List<String> CHECKS = List.of(
            "-fsanitize=address,alignment,bounds,shift,signed-integer-overflow,integer-divide-by-zero",
            "-fsanitize-sections=shared_*",
            "-fno-sanitize-recover=all");

    private final Path kernels;
    private final Path device;
    private final Path built;

    /**
     * @param kernels the folder of the .cu files
     * @param device the folder of emulated.h and emulated.cpp
     * @param built where programs are kept, each in a folder named by what it was made of
     */
    EmulatedProgram(Path kernels, Path device, Path built) {
        this.kernels = kernels;
        this.device = device;
        this.built = built;
    }

    /** Whether there is a compiler here. */
    static boolean canBeBuilt() {
        try {
            return new ProcessBuilder("g++", "--version")
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** The program, built if it is not there. */
    synchronized Path path() {
        try {
            Path folder = Files.createDirectories(built.resolve(digest()));
            Path program = folder.resolve("emulated");
            if (!Files.exists(program)) {
                build(folder, program);
            }
            return program;
        } catch (IOException e) {
            throw new UncheckedIOException("The emulated device cannot be built.", e);
        }
    }

    private void build(Path folder, Path program) throws IOException {
        List<Path> objects = new ArrayList<>();
        try (ExecutorService workers =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
            List<Future<Path>> all = new ArrayList<>();
            for (Path source : files(kernels, ".cu")) {
                all.add(workers.submit(() -> compile(source, folder, CHECKS)));
            }
            all.add(workers.submit(() -> compile(device.resolve("emulated.cpp"), folder, List.of("-O2"))));
            for (Future<Path> each : all) {
                objects.add(each.get());
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while the emulated device was built.", e);
        }
        Path unfinished = folder.resolve("unfinished");
        List<String> link = new ArrayList<>(List.of("g++", "-o", unfinished.toString()));
        link.addAll(CHECKS);
        objects.forEach(object -> link.add(object.toString()));
        run(link);
        Files.move(unfinished, program, StandardCopyOption.ATOMIC_MOVE);
        for (Path object : objects) {
            Files.delete(object);
        }
    }

    private Path compile(Path source, Path folder, List<String> options) {
        String name = source.getFileName().toString().replaceFirst("\\..*", "");
        Path object = folder.resolve(name + ".o");
        List<String> command =
                new ArrayList<>(List.of("g++", "-x", "c++", "-c", source.toString(), "-o", object.toString()));
        command.addAll(List.of("-DSOURCE=" + name, "-I" + kernels, "-I" + device));
        command.addAll(OPTIONS);
        command.addAll(options);
        run(command);
        return object;
    }

    private static void run(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException("g++ refused the kernels:\n" + said);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while g++ ran.", e);
        }
    }

    private String digest() throws IOException {
        MessageDigest sha = sha256();
        sha.update(String.join(" ", OPTIONS.toString(), CHECKS.toString()).getBytes(StandardCharsets.UTF_8));
        for (Path folder : List.of(kernels, device)) {
            for (Path file : files(folder, "")) {
                sha.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
                sha.update(Files.readAllBytes(file));
            }
        }
        return HexFormat.of().formatHex(sha.digest()).substring(0, 16);
    }

    private static List<Path> files(Path folder, String end) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(Files::isRegularFile)
                    .filter(file -> file.getFileName().toString().endsWith(end))
                    .sorted()
                    .toList();
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The program of the project's own kernels. */
    static EmulatedProgram here() {
        Path sources = sources();
        return new EmulatedProgram(
                sources.resolve("main/cuda"), sources.resolve("test/cuda"), sources.resolveSibling("target/emulated"));
    }

    /** The kernels' sources, seen from a module of the project, which is what tests are run in. */
    static Path sources() {
        for (Path up = Path.of("").toAbsolutePath(); up != null; up = up.getParent()) {
            Path sources = up.resolve("kernels/src");
            if (Files.isDirectory(sources.resolve("main/cuda"))) {
                return sources;
            }
        }
        throw new IllegalStateException("There is no kernels/src above this folder.");
    }
}
