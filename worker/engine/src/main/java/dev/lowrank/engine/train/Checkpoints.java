package dev.lowrank.engine.train;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.format.JsonFile;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.Sha256;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The checkpoints of one run: folders {@code step-00000120} with the trainable weights and the optimizer's moments
 * ({@code state.safetensors}), the run they belong to ({@code run.json}), sizes and digests of all
 * ({@code manifest.json}), where they are kept the weights of the lowest validation loss ({@code best.safetensors}), and
 * {@code DONE}, which holds the manifest's digest and is written last.
 *
 * <p>A folder without a fitting DONE, or with a file whose digest differs, is passed over for the one before it.
 */
public final class Checkpoints {
    private static final Logger log = LoggerFactory.getLogger(Checkpoints.class);
    private static final JsonMapper MAPPER = JsonMapper.shared();
    private static final int SMALL_JSON = 1 << 20;

    private static final String STATE = "state.safetensors";

    /**
     * Where a run stands.
     *
     * @param folder the checkpoint it was restored from; null at the beginning
     */
    record Restored(@Nullable Path folder, int step, EvaluationState evaluations) {}

    private final Path root;
    private final Kernels kernels;

    Checkpoints(Path root, Kernels kernels) {
        this.root = root;
        this.kernels = kernels;
    }

    /**
     * Writes a checkpoint and returns when it is safe on the disk.
     *
     * @param run what the checkpoint belongs to; must be equal when it is restored
     * @param evaluations what they have shown so far
     * @param best the best weights so far; null where they are not kept
     * @param state tensors of any type by name
     */
    CheckpointFolder write(
            int step, ObjectNode run, ObjectNode evaluations, @Nullable BestWeights best, Map<String, Tensor> state)
            throws IOException {
        Files.createDirectories(root);
        Path folder = root.resolve("step-%08d".formatted(step));
        Path draft = root.resolve(folder.getFileName() + ".tmp");
        Durable.deleteTree(draft);
        Files.createDirectory(draft);
        writeState(draft.resolve(STATE), state);
        if (best != null) {
            best.linkInto(draft);
        }
        ObjectNode header = JsonNodeFactory.instance.objectNode();
        header.put("step", step);
        header.set("run", run);
        header.set("evaluations", evaluations);
        Durable.write(
                draft.resolve("run.json"),
                MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(header));
        Durable.write(draft.resolve("manifest.json"), manifest(draft));
        Durable.syncFolder(draft);
        Durable.deleteTree(folder);
        Files.move(draft, folder, StandardCopyOption.ATOMIC_MOVE);
        Durable.syncFolder(root);
        String digest = Sha256.of(folder.resolve("manifest.json"));
        Durable.write(folder.resolve("DONE"), digest.getBytes(StandardCharsets.US_ASCII));
        Durable.syncFolder(folder);
        return new CheckpointFolder(folder, step, digest, bytes(folder));
    }

    /**
     * Restores the newest intact checkpoint into the given tensors.
     *
     * @return where the run stands; at its beginning if there is none
     * @throws InputException if it belongs to a run with other settings, base or data
     */
    Restored restore(ObjectNode run, Map<String, Tensor> state) throws IOException {
        for (Path folder : newestFirst()) {
            String problem = problem(folder);
            if (problem != null) {
                log.warn("Passing over checkpoint {}: {}", folder, problem);
                continue;
            }
            JsonNode header = JsonFile.read(folder.resolve("run.json"), SMALL_JSON);
            requireSameRun(header.path("run"), run, folder);
            load(folder.resolve(STATE), state);
            return new Restored(folder, header.path("step").asInt(), EvaluationState.of(header.path("evaluations")));
        }
        return new Restored(null, 0, EvaluationState.NONE);
    }

    /**
     * The step of a checkpoint folder.
     *
     * @throws InputException if a file of it is missing or was changed
     */
    public static int requireIntact(Path folder) throws IOException {
        String problem = problem(folder);
        if (problem != null) {
            throw new InputException(
                    "Checkpoint %s is not intact: %s; resume from the one before it.".formatted(folder, problem));
        }
        return JsonFile.read(folder.resolve("run.json"), SMALL_JSON)
                .path("step")
                .asInt();
    }

    private List<Path> newestFirst() throws IOException {
        if (!Files.isDirectory(root)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(root)) {
            return entries.filter(path -> path.getFileName().toString().matches("step-\\d{8}"))
                    .sorted(Comparator.comparing(
                                    (Path path) -> path.getFileName().toString())
                            .reversed())
                    .toList();
        }
    }

    /** Why a folder is not an intact checkpoint; null if it is one. */
    private static @Nullable String problem(Path folder) throws IOException {
        Path done = folder.resolve("DONE");
        Path manifest = folder.resolve("manifest.json");
        if (!Files.exists(done) || !Files.exists(manifest)) {
            return "it was not finished";
        }
        if (!Files.readString(done).strip().equals(Sha256.of(manifest))) {
            return "its manifest was changed";
        }
        for (JsonNode entry : JsonFile.read(manifest, SMALL_JSON).path("files")) {
            Path file = folder.resolve(Path.of(entry.path("name").asString()).getFileName());
            if (!Files.exists(file) || Files.size(file) != entry.path("bytes").asLong()) {
                return file.getFileName() + " is missing or has another size";
            }
            if (!Sha256.of(file).equals(entry.path("sha256").asString())) {
                return file.getFileName() + " has another content";
            }
        }
        return null;
    }

    private static void requireSameRun(JsonNode stored, ObjectNode run, Path folder) {
        for (String field : run.propertyNames()) {
            if (!run.get(field).equals(stored.path(field))) {
                throw new InputException(
                        "Checkpoint %s belongs to another run: its \"%s\" is %s, but now it is %s; restore that setting or choose another output folder."
                                .formatted(folder, field, shortened(stored.path(field)), shortened(run.get(field))));
            }
        }
    }

    private static String shortened(JsonNode node) {
        String text = node.toString();
        return text.length() > 100 ? text.substring(0, 97) + "…" : text;
    }

    void writeState(Path file, Map<String, Tensor> state) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        state.forEach((name, tensor) -> writer.addBytes(name, stored(tensor), tensor.shape(), () -> bytes(tensor)));
        writer.write(file);
    }

    private static StoredType stored(Tensor tensor) {
        return switch (tensor.dtype()) {
            case F32 -> StoredType.F32;
            case BF16 -> StoredType.BF16;
            case I32 -> StoredType.I32;
            case U8 -> StoredType.U8;
        };
    }

    private MemorySegment bytes(Tensor tensor) {
        MemorySegment bytes = Arena.ofAuto().allocate(tensor.data().byteSize());
        kernels.download(tensor, bytes);
        return bytes;
    }

    void load(Path file, Map<String, Tensor> state) throws IOException {
        try (SafetensorsFile stored = SafetensorsFile.open(file)) {
            for (Map.Entry<String, Tensor> entry : state.entrySet()) {
                kernels.upload(stored.bytes(entry.getKey()), entry.getValue());
            }
        }
    }

    private static byte[] manifest(Path draft) throws IOException {
        ObjectNode manifest = JsonNodeFactory.instance.objectNode();
        var files = manifest.putArray("files");
        for (String name : List.of("run.json", STATE, BestWeights.NAME)) {
            Path file = draft.resolve(name);
            if (!Files.exists(file)) {
                continue;
            }
            files.addObject().put("name", name).put("bytes", Files.size(file)).put("sha256", Sha256.of(file));
        }
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(manifest);
    }

    private static long bytes(Path folder) throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                bytes += Files.size(file);
            }
        }
        return bytes;
    }
}
