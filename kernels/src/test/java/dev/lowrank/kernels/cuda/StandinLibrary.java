package dev.lowrank.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Builds a libcuda.so.1 that runs our kernels on the host: see {@code standin/cuda.cpp}. */
final class StandinLibrary {
    private static final List<String> OPTIONS =
            List.of("-std=c++17", "-O1", "-fPIC", "-w", "-ffp-contract=off", "-mfma", "-mavx2", "-fno-strict-aliasing");

    private StandinLibrary() {}

    /** Builds it in a folder, which is then one to look for libraries in. */
    static void build(Path folder) {
        Path sources = EmulatedProgram.sources();
        Path device = sources.resolve("test/cuda");
        List<Path> units = new ArrayList<>(kernels(sources.resolve("main/cuda")));
        units.add(device.resolve("threads.cpp"));
        units.add(device.resolve("warp.cpp"));
        units.add(device.resolve("standin/cuda.cpp"));
        List<String> objects = units.parallelStream()
                .map(unit -> compile(unit, sources, folder.resolve(units.indexOf(unit) + ".o")))
                .toList();
        List<String> link = new ArrayList<>(
                List.of("g++", "-shared", "-o", folder.resolve("libcuda.so.1").toString()));
        link.addAll(objects);
        run(link);
    }

    private static List<Path> kernels(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(file -> file.toString().endsWith(".cu")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String compile(Path unit, Path sources, Path object) {
        List<String> command =
                new ArrayList<>(List.of("g++", "-x", "c++", "-c", unit.toString(), "-o", object.toString()));
        command.add("-DSOURCE=" + unit.getFileName().toString().replaceFirst("\\..*", ""));
        command.add("-I" + sources.resolve("main/cuda"));
        command.add("-I" + sources.resolve("test/cuda"));
        command.addAll(OPTIONS);
        run(command);
        return object.toString();
    }

    private static void run(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException("g++ refused the stand-in:\n" + said);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("Interrupted while g++ ran.", e);
        }
    }
}
