package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * An adapter folder: {@code adapter_config.json} and {@code adapter_model.safetensors}. Where PEFT only warns (keys
 * missing or unexpected), this refuses. May be read by several threads until it is closed.
 */
public final class PeftFolder implements AutoCloseable {
    public static final String CONFIG = "adapter_config.json";
    public static final String WEIGHTS = "adapter_model.safetensors";

    private final Path path;
    private final PeftConfig config;
    private final SafetensorsFile file;
    private final SortedMap<PeftKey, long[]> tensors;

    private PeftFolder(Path path, PeftConfig config, SafetensorsFile file, SortedMap<PeftKey, long[]> tensors) {
        this.path = path;
        this.config = config;
        this.file = file;
        this.tensors = Collections.unmodifiableSortedMap(tensors);
    }

    /**
     * Checks a folder and maps its weights.
     *
     * @throws InputException if it is not a sound adapter of a supported kind, or its two files do not fit
     * @throws UncheckedIOException if the disk fails
     */
    public static PeftFolder open(Path folder) {
        checkPresent(folder);
        PeftConfig config = PeftConfig.read(folder.resolve(CONFIG));
        Path weights = folder.resolve(WEIGHTS);
        SafetensorsFile file = SafetensorsFile.open(weights);
        try {
            return new PeftFolder(folder, config, file, checked(config, weights, file));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    private static SortedMap<PeftKey, long[]> checked(PeftConfig config, Path weights, SafetensorsFile file) {
        PeftCheck check = new PeftCheck(config);
        SortedMap<PeftKey, long[]> tensors = new TreeMap<>();
        try {
            for (TensorInfo tensor : file.tensors().values()) {
                tensors.put(check.key(tensor.name()), tensor.shape());
                if (!tensor.dtype().readableAsFloats()) {
                    throw new PeftCheck.Complaint(
                            "holds %s as %s, but adapter weights must be F32, F16 or BF16; save the adapter in one of them"
                                    .formatted(Refusal.quoted(tensor.name()), tensor.dtype()));
                }
            }
            check.check(tensors);
            return tensors;
        } catch (PeftCheck.Complaint e) {
            throw Refusal.of(weights, String.valueOf(e.getMessage()));
        } catch (PeftPattern.Costly e) {
            throw Refusal.of(
                    weights,
                    "has module names for which a pattern of adapter_config.json takes too long; list the module names"
                            + " instead",
                    e);
        }
    }

    private static void checkPresent(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw Refusal.of(
                    folder,
                    Files.exists(folder)
                            ? "is a file; name the folder that holds adapter_config.json"
                            : "is missing; check the path of the adapter folder");
        }
        if (!Files.exists(folder.resolve(CONFIG))) {
            throw Refusal.of(
                    folder,
                    Files.exists(folder.resolve("config.json"))
                            ? "is a model folder, not an adapter; name the folder that holds adapter_config.json"
                            : "holds no adapter_config.json; name a folder that PEFT or this program wrote");
        }
        if (!Files.exists(folder.resolve(WEIGHTS))) {
            throw Refusal.of(
                    folder,
                    Files.exists(folder.resolve("adapter_model.bin"))
                            ? "holds its weights as a pickle (adapter_model.bin), which is never loaded here; "
                                    + "convert it to adapter_model.safetensors"
                            : "holds no adapter_model.safetensors; copy the whole adapter folder again");
        }
    }

    public Path path() {
        return path;
    }

    public PeftConfig config() {
        return config;
    }

    /** What is stored, in the order of the names in the file. */
    public Set<PeftKey> keys() {
        return tensors.keySet();
    }

    /** The paths of all tensors of one role, sorted. */
    public SortedSet<String> paths(PeftKey.Role role) {
        SortedSet<String> paths = new TreeSet<>();
        keys().stream().filter(key -> key.role() == role).forEach(key -> paths.add(key.path()));
        return paths;
    }

    /** Paths of the modules of the base that have an adapter of their own, sorted; none for virtual tokens. */
    public SortedSet<String> modules() {
        return switch (config) {
            case PeftLora _ -> paths(PeftKey.Role.LORA_A);
            case PeftIa3 _ -> paths(PeftKey.Role.IA3);
            case PeftPromptTuning _, PeftPrefixTuning _, PeftBottleneck _ -> Collections.emptySortedSet();
        };
    }

    /**
     * Refuses the adapter if it lacks a module that its configuration targets.
     *
     * @param linear paths of the base's linear layers, without the output head where "all-linear" leaves it out
     */
    public void requireModules(Collection<String> linear) {
        PeftModules chosen = switch (config) {
            case PeftLora lora -> lora.modules();
            case PeftIa3 ia3 -> ia3.modules();
            case PeftPromptTuning _, PeftPrefixTuning _, PeftBottleneck _ -> null;
        };
        if (chosen == null) {
            return;
        }
        Set<String> missing = new TreeSet<>(linear);
        missing.removeAll(modules());
        for (String module : missing) {
            if (chosen.targets(module)) {
                throw Refusal.of(
                        path.resolve(WEIGHTS),
                        "lacks the weights for module %s, which target_modules name and the base has; copy or save the adapter again"
                                .formatted(Refusal.quoted(module)));
            }
        }
    }

    /** Elements of all tensors together. */
    public long parameters() {
        return file.tensors().values().stream().mapToLong(TensorInfo::count).sum();
    }

    /**
     * A tensor's extents, outermost first.
     *
     * @throws InputException if it is not there
     */
    public long[] shape(PeftKey key) {
        return file.info(key.name()).shape();
    }

    /**
     * A tensor's values, row-major.
     *
     * @throws InputException if it is not there
     */
    public float[] floats(PeftKey key) {
        return file.floats(key.name());
    }

    /** A tensor's element type as it is stored. */
    public StoredType type(PeftKey key) {
        return file.info(key.name()).dtype();
    }

    /** See {@link SafetensorsFile#bytes}. */
    public MemorySegment bytes(PeftKey key) {
        return file.bytes(key.name());
    }

    /** All of a tensor, ready to be written again. */
    public NamedTensor tensor(PeftKey key) {
        return new NamedTensor(key, shape(key), floats(key));
    }

    /** [rank, in] */
    public long[] shapeA(String module) {
        return shape(PeftKey.loraA(module));
    }

    /** [out, rank] */
    public long[] shapeB(String module) {
        return shape(PeftKey.loraB(module));
    }

    /** A of a module, [rank, in] row-major. */
    public float[] a(String module) {
        return floats(PeftKey.loraA(module));
    }

    /** B of a module, [out, rank] row-major. */
    public float[] b(String module) {
        return floats(PeftKey.loraB(module));
    }

    @Override
    public void close() {
        file.close();
    }

    /**
     * Writes an adapter as PEFT would, in F32, and syncs both files and the folder to the disk.
     *
     * @param folder created when it is not there
     * @throws IllegalArgumentException if the tensors are not just what the configuration asks for
     * @throws UncheckedIOException if the disk fails or is full
     */
    public static void write(Path folder, PeftConfig config, List<NamedTensor> tensors) {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        check(config, tensors);
        for (NamedTensor tensor : tensors) {
            writer.add(tensor.key().name(), StoredType.F32, tensor.shape(), tensor.values());
        }
        try {
            Files.createDirectories(folder);
            writer.write(folder.resolve(WEIGHTS));
            Durable.write(folder.resolve(CONFIG), config.toJson().getBytes(StandardCharsets.UTF_8));
            Durable.syncFolder(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write " + folder, e);
        }
    }

    private static void check(PeftConfig config, List<NamedTensor> tensors) {
        PeftCheck check = new PeftCheck(config);
        SortedMap<PeftKey, long[]> shapes = new TreeMap<>();
        try {
            for (NamedTensor tensor : tensors) {
                PeftKey read = check.key(tensor.key().name());
                if (!read.equals(tensor.key())) {
                    throw new PeftCheck.Complaint("would hold %s, which reads back as another part (%s)"
                            .formatted(tensor.key(), read.role()));
                }
                shapes.put(read, tensor.shape());
            }
            check.check(shapes);
        } catch (PeftCheck.Complaint e) {
            throw new IllegalArgumentException("The adapter " + e.getMessage(), e);
        }
    }
}
