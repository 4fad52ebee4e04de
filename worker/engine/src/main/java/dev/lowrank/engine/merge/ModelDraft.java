package dev.lowrank.engine.merge;

import dev.lowrank.engine.format.Durable;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.StoredType;
import dev.lowrank.engine.format.TensorInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A model folder that gets its name only after it was read back and found equal to what was computed. */
final class ModelDraft {
    private static final String CONFIG = "config.json";
    private static final List<String> COMPANIONS = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "chat_template.jinja",
            "vocab.json",
            "merges.txt",
            "tokenizer.model");

    private final MergePlan plan;
    private final Path adapter;
    private final Path output;
    private final Path draft;
    private final Map<String, Long> fingerprints = new HashMap<>();

    ModelDraft(MergePlan plan, Path adapter, Path output) {
        this.plan = plan;
        this.adapter = adapter;
        this.output = output.toAbsolutePath();
        this.draft = this.output.resolveSibling(this.output.getFileName() + ".draft");
    }

    /** @throws dev.lowrank.engine.InputException if there is something of that name already */
    static void checkFree(Path output) {
        if (Files.exists(output)) {
            throw Refusal.of(output, "is there already; name another folder or remove it");
        }
    }

    /**
     * Computes and checks every tensor once without writing any; then writes, reads back and names the folder.
     *
     * @param type of all values, to be told in the configuration; null if they keep their types
     * @return the files the weights lie in
     * @throws UncheckedIOException if the disk fails, is full, or gives back other bytes
     */
    int publish(long shardBytes, @Nullable StoredType type) {
        for (PlannedTensor tensor : plan.tensors()) {
            if (!tensor.copied()) {
                fingerprints.put(tensor.name(), fingerprint(plan.values(tensor)));
            } else if (tensor.type().readableAsFloats()) {
                Path base = plan.base().folder().path();
                Finite.require(base, tensor.name(), plan.base().values(tensor.name()));
            }
        }
        try {
            Path parent = Objects.requireNonNull(output.getParent(), "an absolute folder has a parent");
            Files.createDirectories(parent);
            Durable.deleteTree(draft);
            Files.createDirectory(draft);
            int shards = writeWeights(shardBytes);
            writeConfig(type);
            copyCompanions();
            check();
            Durable.syncFolder(draft);
            checkFree(output);
            Files.move(draft, output, StandardCopyOption.ATOMIC_MOVE);
            Durable.syncFolder(parent);
            return shards;
        } catch (IOException e) {
            deleteQuietly(e);
            throw new UncheckedIOException("Cannot write %s: %s".formatted(output, e.getMessage()), e);
        } catch (RuntimeException | Error e) {
            deleteQuietly(e);
            throw e;
        }
    }

    private int writeWeights(long shardBytes) throws IOException {
        List<List<PlannedTensor>> shards = shards(shardBytes);
        Map<String, String> places = new TreeMap<>();
        long total = 0;
        for (int i = 0; i < shards.size(); i++) {
            String file = shards.size() == 1
                    ? "model.safetensors"
                    : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            for (PlannedTensor tensor : shards.get(i)) {
                places.put(tensor.name(), file);
                total += tensor.bytes();
                add(writer, tensor);
            }
            writer.write(draft.resolve(file));
        }
        if (shards.size() > 1) {
            ObjectNode index = JsonMapper.shared().createObjectNode();
            index.putObject("metadata").put("total_size", total);
            index.set("weight_map", JsonMapper.shared().valueToTree(places));
            writeJson("model.safetensors.index.json", index);
        }
        return shards.size();
    }

    private void add(SafetensorsWriter writer, PlannedTensor tensor) {
        if (tensor.copied()) {
            writer.addBytes(
                    tensor.name(),
                    tensor.type(),
                    tensor.shape(),
                    () -> plan.base().bytes(tensor.name()));
        } else {
            writer.add(tensor.name(), tensor.type(), tensor.shape(), () -> plan.values(tensor));
        }
    }

    /** Each shard holds as many tensors as fit; one that is larger has a shard of its own. */
    private List<List<PlannedTensor>> shards(long most) {
        List<List<PlannedTensor>> shards = new ArrayList<>();
        long bytes = 0;
        for (PlannedTensor tensor : plan.tensors()) {
            if (shards.isEmpty() || bytes + tensor.bytes() > most) {
                shards.add(new ArrayList<>());
                bytes = 0;
            }
            shards.getLast().add(tensor);
            bytes += tensor.bytes();
        }
        return shards;
    }

    private void writeConfig(@Nullable StoredType type) throws IOException {
        ObjectNode config = ((ObjectNode) plan.base().folder().config()).deepCopy();
        if (type != null) {
            String name = type == StoredType.BF16 ? "bfloat16" : type == StoredType.F16 ? "float16" : "float32";
            config.put(config.has("torch_dtype") ? "torch_dtype" : "dtype", name);
            if (config.has("dtype")) {
                config.put("dtype", name);
            }
        }
        if (plan.untied()) {
            config.put("tie_word_embeddings", false);
        }
        writeJson(CONFIG, config);
    }

    private void writeJson(String name, ObjectNode json) throws IOException {
        Durable.write(
                draft.resolve(name),
                JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
    }

    /** The tokenizer and chat template as they were trained with: the adapter's copy where it has one. */
    private void copyCompanions() throws IOException {
        Path base = plan.base().folder().path();
        for (String name : COMPANIONS) {
            copy(Files.exists(adapter.resolve(name)) ? adapter.resolve(name) : base.resolve(name), name);
        }
        copy(base.resolve("generation_config.json"), "generation_config.json");
    }

    private void copy(Path from, String name) throws IOException {
        if (Files.exists(from)) {
            Durable.write(draft.resolve(name), Files.readAllBytes(from));
        }
    }

    private void check() throws IOException {
        try (ModelFolder written = ModelFolder.open(draft)) {
            Set<String> names = new HashSet<>();
            plan.tensors().forEach(tensor -> names.add(tensor.name()));
            require(written.tensorNames().equals(names), "it reads back with other tensors");
            for (PlannedTensor tensor : plan.tensors()) {
                check(written, tensor);
            }
        }
    }

    private void check(ModelFolder written, PlannedTensor tensor) throws IOException {
        TensorInfo info = written.info(tensor.name());
        require(
                info.dtype() == tensor.type() && Arrays.equals(info.shape(), tensor.shape()),
                "tensor %s reads back with another type or shape".formatted(tensor.name()));
        Long computed = fingerprints.get(tensor.name());
        boolean same = computed == null
                ? written.bytes(tensor.name()).mismatch(plan.base().bytes(tensor.name())) < 0
                : computed == fingerprint(written.floats(tensor.name()));
        require(same, "tensor %s reads back with other values".formatted(tensor.name()));
    }

    private static long fingerprint(float[] values) {
        long print = values.length;
        for (float value : values) {
            print = 1_000_003 * print + Float.floatToRawIntBits(value);
        }
        return print;
    }

    private static void require(boolean holds, String otherwise) throws IOException {
        if (!holds) {
            throw new IOException("after writing, %s; check the disk and merge again".formatted(otherwise));
        }
    }

    private void deleteQuietly(Throwable cause) {
        try {
            Durable.deleteTree(draft);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }
}
