package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * A PEFT adapter folder: {@code adapter_config.json} and {@code adapter_model.safetensors}. Where PEFT only warns (keys
 * missing or unexpected), this refuses. May be read by several threads until it is closed.
 */
public final class PeftFolder implements AutoCloseable {
    public static final String CONFIG = "adapter_config.json";
    public static final String WEIGHTS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";
    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";

    private final Path path;
    private final PeftConfig config;
    private final SafetensorsFile file;
    private final Set<String> modules;

    private PeftFolder(Path path, PeftConfig config, SafetensorsFile file, Set<String> modules) {
        this.path = path;
        this.config = config;
        this.file = file;
        this.modules = Collections.unmodifiableSet(modules);
    }

    /**
     * Checks a folder and maps its weights.
     *
     * @throws InputException if it is not a sound plain LoRA adapter
     * @throws UncheckedIOException if the disk fails
     */
    public static PeftFolder open(Path folder) {
        checkPresent(folder);
        PeftConfig config = PeftConfig.read(folder.resolve(CONFIG));
        Path weights = folder.resolve(WEIGHTS);
        SafetensorsFile file = SafetensorsFile.open(weights);
        try {
            return new PeftFolder(folder, config, file, new Check(weights, file, config).modules());
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
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

    /** The check of every tensor against the configuration. */
    private record Check(Path path, SafetensorsFile file, PeftConfig config) {
        Set<String> modules() {
            Set<String> withA = new HashSet<>();
            Set<String> withB = new HashSet<>();
            for (TensorInfo tensor : file.tensors().values()) {
                boolean isA = tensor.name().endsWith(A);
                String module = isA || tensor.name().endsWith(B) ? moduleOf(tensor.name()) : "";
                if (module.isEmpty()) {
                    throw refuse(tensor, "which is not part of a plain LoRA adapter; save the adapter without it");
                }
                checkTensor(tensor, module, isA ? 0 : 1);
                (isA ? withA : withB).add(module);
            }
            Set<String> modules = new TreeSet<>(withA);
            modules.addAll(withB);
            if (modules.isEmpty()) {
                throw Refusal.of(path, "holds no adapted module; copy or train the adapter again");
            }
            for (String module : modules) {
                if (!withA.contains(module) || !withB.contains(module)) {
                    throw Refusal.of(
                            path,
                            "holds only one of lora_A and lora_B for module %s; copy or save the adapter again"
                                    .formatted(Refusal.quoted(module)));
                }
            }
            return modules;
        }

        private void checkTensor(TensorInfo tensor, String module, int rankAxis) {
            long[] shape = tensor.shape();
            if (!tensor.dtype().readableAsFloats()) {
                throw refuse(tensor, "but adapter weights must be F32, F16 or BF16; save the adapter in one of them");
            }
            if (shape.length != 2 || tensor.count() == 0) {
                throw refuse(tensor, "which is not a matrix; only linear layers are supported, so adapt those alone");
            }
            if (shape[rankAxis] != config.rank()) {
                throw refuse(
                        tensor,
                        "whose rank is not the r=%d of adapter_config.json; take both files from the same adapter"
                                .formatted(config.rank()));
            }
            if (!config.targets(module)) {
                throw refuse(
                        tensor,
                        "but target_modules of adapter_config.json do not name that module; take both files from the same"
                                + " adapter");
            }
        }

        private InputException refuse(TensorInfo tensor, String problem) {
            return Refusal.of(
                    path,
                    "holds %s as %s %s, %s"
                            .formatted(
                                    Refusal.quoted(tensor.name()),
                                    tensor.dtype(),
                                    Arrays.toString(tensor.shape()),
                                    problem));
        }
    }

    /** The part between prefix and ending; empty when there is none. */
    private static String moduleOf(String key) {
        int end = key.length() - A.length();
        return key.startsWith(PREFIX) && end > PREFIX.length() ? key.substring(PREFIX.length(), end) : "";
    }

    public Path path() {
        return path;
    }

    public PeftConfig config() {
        return config;
    }

    /** Paths of the adapted modules in the base model, sorted. */
    public Set<String> modules() {
        return modules;
    }

    /** [rank, in] */
    public long[] shapeA(String module) {
        return file.info(PREFIX + module + A).shape();
    }

    /** [out, rank] */
    public long[] shapeB(String module) {
        return file.info(PREFIX + module + B).shape();
    }

    /** A of a module, [rank, in] row-major. */
    public float[] a(String module) {
        return file.floats(PREFIX + module + A);
    }

    /** B of a module, [out, rank] row-major. */
    public float[] b(String module) {
        return file.floats(PREFIX + module + B);
    }

    /** Both factors of a module. */
    public AdapterWeights weights(String module) {
        int in = Math.toIntExact(shapeA(module)[1]);
        int out = Math.toIntExact(shapeB(module)[0]);
        return new AdapterWeights(module, config.rank(), in, out, a(module), b(module));
    }

    @Override
    public void close() {
        file.close();
    }

    /**
     * Writes an adapter as PEFT would, in F32, and syncs both files and the folder to the disk.
     *
     * @param folder created when it is not there
     * @throws IllegalArgumentException if the weights do not fit the configuration
     * @throws UncheckedIOException if the disk fails or is full
     */
    public static void write(Path folder, PeftConfig config, List<AdapterWeights> weights) {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        for (AdapterWeights w : weights) {
            if (w.rank() != config.rank() || !config.targets(w.module())) {
                throw new IllegalArgumentException(
                        "module %s of rank %d is not one of %s".formatted(w.module(), w.rank(), config));
            }
            writer.add(PREFIX + w.module() + A, StoredType.F32, new long[] {w.rank(), w.in()}, w.a());
            writer.add(PREFIX + w.module() + B, StoredType.F32, new long[] {w.out(), w.rank()}, w.b());
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
}
