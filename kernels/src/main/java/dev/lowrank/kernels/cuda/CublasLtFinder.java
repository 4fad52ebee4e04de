package dev.lowrank.kernels.cuda;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Where cuBLASLt is: where a setting says, where the system finds it, in CUDA's own folders, or in those of Python packages. */
final class CublasLtFinder {
    /** Names the library's file; empty for none. */
    static final String SETTING = "LOWRANK_CUBLASLT";

    private static final List<String> NAMES = List.of("libcublasLt.so.13", "libcublasLt.so.12");
    private static final List<String> FOLDERS =
            List.of("/usr/local/cuda/lib64", "/usr/local/cuda/targets/x86_64-linux/lib", "/usr/lib/x86_64-linux-gnu");
    private static final List<String> PYTHONS = List.of("/usr/lib", "/usr/local/lib", "/opt/conda/lib");
    private static final List<String> IN_PYTHON = List.of("nvidia/cu13/lib", "nvidia/cublas/lib");

    private final Map<String, String> environment;

    CublasLtFinder(Map<String, String> environment) {
        this.environment = environment;
    }

    /** The library, loaded for as long as the process lives. */
    Optional<SymbolLookup> find() {
        String setting = environment.get(SETTING);
        List<String> candidates = setting == null ? candidates() : setting.isBlank() ? List.of() : List.of(setting);
        for (String candidate : candidates) {
            Optional<SymbolLookup> found = load(candidate);
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    private List<String> candidates() {
        List<String> all = new ArrayList<>(NAMES);
        for (String folder : FOLDERS) {
            all.addAll(in(Path.of(folder)));
        }
        List<String> roots = new ArrayList<>(PYTHONS);
        for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
            String root = environment.get(variable);
            if (root != null) {
                roots.add(root + "/lib");
            }
        }
        for (String root : roots) {
            all.addAll(inPythons(Path.of(root)));
        }
        return all;
    }

    private static List<String> inPythons(Path root) {
        List<String> all = new ArrayList<>();
        if (Files.isDirectory(root)) {
            try (DirectoryStream<Path> pythons = Files.newDirectoryStream(root, "python3*")) {
                for (Path python : pythons) {
                    for (String packages : List.of("site-packages", "dist-packages")) {
                        for (String folder : IN_PYTHON) {
                            all.addAll(in(python.resolve(packages).resolve(folder)));
                        }
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException("%s cannot be searched for cuBLASLt.".formatted(root), e);
            }
        }
        return all;
    }

    private static List<String> in(Path folder) {
        return NAMES.stream()
                .map(folder::resolve)
                .filter(Files::exists)
                .map(Path::toString)
                .toList();
    }

    private static Optional<SymbolLookup> load(String library) {
        try {
            return Optional.of(
                    library.contains("/")
                            ? SymbolLookup.libraryLookup(Path.of(library), Arena.global())
                            : SymbolLookup.libraryLookup(library, Arena.global()));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
