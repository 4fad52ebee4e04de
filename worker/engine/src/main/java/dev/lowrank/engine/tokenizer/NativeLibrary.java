package dev.lowrank.engine.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Loads the CPU build of the tokenizer library out of its jar. The jar's own loader is left alone: it looks for a GPU
 * first, and where it finds one it downloads another build.
 */
final class NativeLibrary {
    private static final List<String> WINDOWS_NEEDS =
            List.of("libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll");

    private static boolean loaded;

    private NativeLibrary() {}

    /**
     * Loads it, once.
     *
     * @throws IllegalStateException if there is no build for this system, or the temporary folder cannot hold it
     */
    static synchronized void load() {
        if (!loaded) {
            unpackAndLoad();
            loaded = true;
        }
    }

    private static void unpackAndLoad() {
        String system = system(System.getProperty("os.name"), System.getProperty("os.arch"));
        try {
            Path folder = Files.createTempDirectory("tokenizers");
            if (system.startsWith("win")) {
                WINDOWS_NEEDS.forEach(name -> load(system, name, folder));
            }
            load(system, System.mapLibraryName("tokenizers"), folder);
            deleteWhereTheSystemLetsUs(folder);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "The tokenizer library needs a temporary folder to unpack into; make java.io.tmpdir writable.", e);
        }
    }

    /** The folder of a system's build in the jar. */
    static String system(String os, String processor) {
        String name = os.toLowerCase(Locale.ROOT);
        String family = name.startsWith("windows") ? "win" : name.startsWith("mac") ? "osx" : "linux";
        return family + "-" + (processor.equals("amd64") ? "x86_64" : processor);
    }

    private static void load(String system, String name, Path folder) {
        String resource = "/native/lib/%s/cpu/%s".formatted(system, name);
        Path file = folder.resolve(name);
        file.toFile().deleteOnExit();
        try (InputStream in = TokenizersLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("There is no tokenizer library for %s.".formatted(system));
            }
            Files.copy(in, file);
            System.load(file.toAbsolutePath().toString());
        } catch (IOException | UnsatisfiedLinkError e) {
            throw new IllegalStateException(
                    "The tokenizer library cannot be loaded from %s; set java.io.tmpdir to a folder with space from which programs may run."
                            .formatted(folder.getParent()),
                    e);
        }
    }

    /** A loaded library needs its file no more, except on Windows, where it goes at exit. */
    private static void deleteWhereTheSystemLetsUs(Path folder) throws IOException {
        folder.toFile().deleteOnExit();
        try (Stream<Path> files = Files.list(folder)) {
            files.forEach(NativeLibrary::tryToDelete);
        }
    }

    private static void tryToDelete(Path file) {
        try {
            Files.delete(file);
        } catch (IOException e) {
            if (!System.getProperty("os.name").startsWith("Windows")) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
