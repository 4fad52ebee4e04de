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
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/** Builds the emulated device out of kernels with g++. What is made of the same sources is made once. */
final class EmulatedProgram {
    static final String COMPILER = "g++";

    private static final List<String> OPTIONS =
            List.of("-std=c++17", "-O2", "-g1", "-Wall", "-Wno-unknown-pragmas", "-ffp-contract=off", "-mfma");

    private static final List<String> CHECKS = List.of(
            "-fsanitize=address,alignment,bounds,shift,signed-integer-overflow,integer-divide-by-zero",
            "-fsanitize-sections=shared_*",
            "-fno-sanitize-address-use-after-scope",
            "-fno-sanitize-recover=all");

    private static final List<String> VECTORS = List.of("-mavx2", "-fno-strict-aliasing");

    /**
     * @param language the folder of device.cuh
     * @param device the folder of emulated.h
     * @param built where objects and programs are kept, under names that say what they were made of
     */
    record Folders(Path language, Path device, Path built) {
        /** The project's own. */
        static Folders here() {
            Path sources = sources();
            return new Folders(
                    sources.resolve("main/cuda"),
                    sources.resolve("test/cuda"),
                    sources.resolveSibling("target/emulated"));
        }
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

    private final Folders folders;
    private final List<Path> kernels;

    /** @param kernels the .cu files */
    EmulatedProgram(Folders folders, List<Path> kernels) {
        this.folders = folders;
        this.kernels = kernels;
    }

    /** With all kernels in a folder. */
    static EmulatedProgram of(Folders folders, Path kernels) {
        try {
            return new EmulatedProgram(folders, files(kernels, ".cu"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Why the program cannot be built on this machine, if it cannot. */
    static Optional<String> reasonAgainst(String compiler) {
        if (!System.getProperty("os.arch").equals("amd64")) {
            return Optional.of("the emulated device needs an x86-64 processor");
        }
        try {
            int status = new ProcessBuilder(compiler, "--version")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
            return status == 0 ? Optional.empty() : Optional.of(compiler + " does not work");
        } catch (IOException e) {
            return Optional.of("there is no " + compiler + " to build the emulated device with");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.of("interrupted");
        }
    }

    /** The program, built if it is not there. */
    synchronized Path path() {
        try {
            List<Unit> units = units();
            MessageDigest all = sha256();
            units.forEach(unit -> all.update(unit.digest().getBytes(StandardCharsets.UTF_8)));
            Path program = Files.createDirectories(folders.built()).resolve("emulated-" + text(all));
            if (!Files.exists(program)) {
                make(program, List.of("-fsanitize=address"), compiled(units));
            }
            return program;
        } catch (IOException e) {
            throw new UncheckedIOException("The emulated device cannot be built.", e);
        }
    }

    /** A source, how it is compiled, and the digest of all that its object is made of. */
    private record Unit(Path source, List<String> options, String digest) {
        String name() {
            return source.getFileName().toString().replaceFirst("\\..*", "");
        }
    }

    private List<Unit> units() throws IOException {
        List<Path> shared = new ArrayList<>(files(folders.device(), ".h"));
        List<Path> language = files(folders.language(), ".cuh");
        List<Unit> units = new ArrayList<>();
        for (Path source : files(folders.device(), ".cpp")) {
            units.add(unit(source, VECTORS, shared));
        }
        shared.addAll(language);
        for (Path source : kernels) {
            units.add(unit(source, CHECKS, shared));
        }
        return units;
    }

    private static Unit unit(Path source, List<String> options, List<Path> included) throws IOException {
        MessageDigest sha = sha256();
        sha.update(OPTIONS.toString().getBytes(StandardCharsets.UTF_8));
        sha.update(options.toString().getBytes(StandardCharsets.UTF_8));
        sha.update(source.getFileName().toString().getBytes(StandardCharsets.UTF_8));
        sha.update(Files.readAllBytes(source));
        for (Path file : included) {
            sha.update(file.getFileName().toString().getBytes(StandardCharsets.UTF_8));
            sha.update(Files.readAllBytes(file));
        }
        return new Unit(source, options, text(sha));
    }

    private List<Path> compiled(List<Unit> units) {
        try (ExecutorService workers =
                Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
            List<Future<Path>> all = new ArrayList<>();
            for (Unit unit : units) {
                all.add(workers.submit(() -> compiled(unit)));
            }
            List<Path> objects = new ArrayList<>();
            for (Future<Path> each : all) {
                objects.add(each.get());
            }
            return objects;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while the emulated device was built.", e);
        }
    }

    private Path compiled(Unit unit) throws IOException {
        Path object = folders.built().resolve(unit.name() + "-" + unit.digest() + ".o");
        if (!Files.exists(object)) {
            List<String> options = new ArrayList<>(OPTIONS);
            options.addAll(unit.options());
            options.addAll(List.of("-DSOURCE=" + unit.name(), "-I" + folders.language(), "-I" + folders.device()));
            options.addAll(List.of("-c", "-x", "c++"));
            make(object, options, List.of(unit.source()));
        }
        return object;
    }

    /** Makes a file that is there only when it is whole, whoever else makes it at the same time. */
    private void make(Path file, List<String> options, List<Path> of) throws IOException {
        Path unfinished = Files.createTempFile(folders.built(), "unfinished", "");
        List<String> command = new ArrayList<>(List.of(COMPILER, "-o", unfinished.toString()));
        command.addAll(options);
        of.forEach(each -> command.add(each.toString()));
        try {
            run(command);
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(unfinished);
        }
    }

    private static void run(List<String> command) throws IOException {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException("The kernels were refused:\n" + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while the kernels were compiled.", e);
        }
    }

    /** The files of a folder whose names end so. */
    private static List<Path> files(Path folder, String end) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(Files::isRegularFile)
                    .filter(file -> file.getFileName().toString().endsWith(end))
                    .sorted()
                    .toList();
        }
    }

    private static String text(MessageDigest sha) {
        return HexFormat.of().formatHex(sha.digest()).substring(0, 16);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
