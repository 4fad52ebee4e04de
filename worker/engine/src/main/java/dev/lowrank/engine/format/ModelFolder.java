package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A Hugging Face model folder: {@code config.json} and weights in {@code model.safetensors} or in shards named by
 * {@code model.safetensors.index.json}. May be read by several threads until it is closed.
 */
public final class ModelFolder implements ModelSource, AutoCloseable {
    private static final String CONFIG = "config.json";
    private static final String WEIGHTS = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final int LARGEST_CONFIG = 4 << 20;
    private static final int LARGEST_INDEX = 32 << 20;
    private static final int MOST_SHARDS = 2_000;
    private static final Pattern SHARD_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\\.safetensors");

    private final Path folder;
    private final JsonNode config;
    private final Map<String, SafetensorsFile> shards;
    private final Map<String, SafetensorsFile> tensors;
    private final @Nullable QuantizationConfig quantization;
    private final Nf4Checkpoint quantized;
    private final Set<String> names;
    private @Nullable String sha256;

    private ModelFolder(
            Path folder, JsonNode config, Map<String, SafetensorsFile> shards, Map<String, SafetensorsFile> tensors) {
        this.folder = folder;
        this.config = config;
        this.shards = shards;
        this.tensors = tensors;
        this.quantization = QuantizationConfig.of(folder.resolve(CONFIG), config);
        this.quantized = Nf4Checkpoint.of(folder, tensors.keySet());
        Set<String> weights = new LinkedHashSet<>(tensors.keySet());
        weights.removeIf(quantized::isSide);
        this.names = Collections.unmodifiableSet(weights);
    }

    /**
     * Checks a folder and maps its weights.
     *
     * @throws InputException if it is not a sound model folder
     * @throws UncheckedIOException if the disk fails
     */
    public static ModelFolder open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw Refusal.of(folder, notAFolder(folder));
        }
        if (!Files.isRegularFile(folder.resolve(CONFIG))) {
            throw Refusal.of(folder, otherContents(folder, "holds no config.json"));
        }
        JsonNode config = JsonFile.read(folder.resolve(CONFIG), LARGEST_CONFIG);
        if (!config.isObject()) {
            throw Refusal.of(folder.resolve(CONFIG), "is not a JSON object; take the model's own config.json");
        }
        Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
        try {
            Map<String, SafetensorsFile> tensors = openWeights(folder, shards);
            return new ModelFolder(folder, config, shards, tensors);
        } catch (RuntimeException | Error e) {
            shards.values().forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static String notAFolder(Path path) {
        if (!Files.exists(path)) {
            return "is missing; check the path of the model folder";
        }
        return path.toString().endsWith(".gguf")
                ? "is a GGUF file; name the model's Hugging Face folder instead"
                : "is a file; name the folder that holds config.json and model.safetensors";
    }

    private static String otherContents(Path folder, String missing) {
        List<String> names = fileNames(folder);
        if (names.contains("adapter_config.json")) {
            return "is an adapter folder, not a model; name the base model's folder";
        }
        if (names.stream().anyMatch(name -> name.endsWith(".gguf"))) {
            return "holds a GGUF file; take the model's Hugging Face folder with safetensors instead";
        }
        return names.stream()
                .filter(ModelFolder::isPickle)
                .findFirst()
                .map(name -> "holds its weights as a pickle (%s), which is never loaded here; convert it to safetensors"
                        .formatted(Refusal.quoted(name)))
                .orElse(missing + "; name a Hugging Face model folder with config.json and model.safetensors");
    }

    static boolean isPickle(String name) {
        return name.endsWith(".bin") || name.endsWith(".pt") || name.endsWith(".pth") || name.endsWith(".ckpt");
    }

    private static List<String> fileNames(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot list " + folder, e);
        }
    }

    private static Map<String, SafetensorsFile> openWeights(Path folder, Map<String, SafetensorsFile> shards) {
        if (Files.exists(folder.resolve(WEIGHTS))) {
            SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS));
            shards.put(WEIGHTS, file);
            Map<String, SafetensorsFile> tensors = new LinkedHashMap<>();
            file.tensors().keySet().forEach(name -> tensors.put(name, file));
            return tensors;
        }
        Path index = folder.resolve(INDEX);
        if (!Files.exists(index)) {
            throw Refusal.of(folder, otherContents(folder, "holds no model.safetensors"));
        }
        return openShards(index, shards);
    }

    private static Map<String, SafetensorsFile> openShards(Path index, Map<String, SafetensorsFile> shards) {
        Map<String, String> places = weightMap(index);
        new TreeSet<>(places.values())
                .forEach(shard -> shards.put(shard, SafetensorsFile.open(index.resolveSibling(shard))));
        Map<String, SafetensorsFile> tensors = new LinkedHashMap<>();
        places.forEach((name, shard) -> {
            SafetensorsFile file = shards.get(shard);
            if (file == null || !file.tensors().containsKey(name)) {
                throw Refusal.of(
                        index,
                        "says that tensor %s is in %s, which does not hold it; download the folder again"
                                .formatted(Refusal.quoted(name), Refusal.quoted(shard)));
            }
            tensors.put(name, file);
        });
        return tensors;
    }

    private static Map<String, String> weightMap(Path index) {
        JsonNode map = JsonFile.read(index, LARGEST_INDEX).path("weight_map");
        if (!map.isObject() || map.isEmpty()) {
            throw Refusal.of(index, "holds no weight_map; download the folder again");
        }
        Map<String, String> places = new LinkedHashMap<>();
        Set<String> shards = new TreeSet<>();
        map.forEachEntry((name, node) -> {
            String shard = node.isString() ? node.stringValue() : "";
            if (!SHARD_NAME.matcher(shard).matches()) {
                throw Refusal.of(
                        index,
                        "places tensor %s in %s, which is not the plain name of a safetensors file in this folder; correct weight_map"
                                .formatted(Refusal.quoted(name), Quoted.of(node)));
            }
            shards.add(shard);
            places.put(name, shard);
        });
        if (shards.size() > MOST_SHARDS) {
            throw Refusal.of(
                    index,
                    "names %d shards, more than the %d allowed; merge them into larger ones"
                            .formatted(shards.size(), MOST_SHARDS));
        }
        return places;
    }

    @Override
    public Path path() {
        return folder;
    }

    @Override
    public JsonNode config() {
        return config;
    }

    /** What {@code config.json} says of the quantization; null when the model is not quantized. */
    public @Nullable QuantizationConfig quantization() {
        return quantization;
    }

    /** The names of all tensors. What only describes a 4-bit weight belongs to that weight and is not listed. */
    @Override
    public Set<String> tensorNames() {
        return names;
    }

    @Override
    public boolean isNf4(String name) {
        return quantized.isWeight(name);
    }

    /**
     * A weight quantized to NF4, every part of it checked.
     *
     * @throws InputException if there is none of that name, or it is not sound
     */
    @Override
    public Nf4Weight nf4(String name) {
        if (!isNf4(name)) {
            throw Refusal.of(
                    folder,
                    "holds %s without 4-bit codes; its weights do not fit its config.json"
                            .formatted(Refusal.quoted(name)));
        }
        return quantized.read(name, this);
    }

    /** Whether there is a tensor of that name, listed or not. */
    boolean holds(String name) {
        return tensors.containsKey(name);
    }

    /**
     * One tensor's type and shape.
     *
     * @throws InputException if there is none of that name
     */
    public TensorInfo info(String name) {
        return holder(name).info(name);
    }

    @Override
    public long[] shape(String name) {
        return info(name).shape();
    }

    /** See {@link SafetensorsFile#floats}. */
    public float[] floats(String name) {
        return holder(name).floats(name);
    }

    /** See {@link SafetensorsFile#readFloats(String, float[])}. */
    public void readFloats(String name, float[] target) {
        holder(name).readFloats(name, target);
    }

    /** See {@link SafetensorsFile#readFloats(String, long, int, float[])}. */
    @Override
    public void readFloats(String name, long from, int count, float[] target) {
        holder(name).readFloats(name, from, count, target);
    }

    /** See {@link SafetensorsFile#longs}. */
    public long[] longs(String name) {
        return holder(name).longs(name);
    }

    /** See {@link SafetensorsFile#bytes}. */
    public MemorySegment bytes(String name) {
        return holder(name).bytes(name);
    }

    private SafetensorsFile holder(String name) {
        SafetensorsFile file = tensors.get(name);
        if (file == null) {
            throw Refusal.of(
                    folder,
                    "holds no tensor %s; its weights do not fit its config.json".formatted(Refusal.quoted(name)));
        }
        return file;
    }

    /** Elements of all tensors together; a 4-bit weight counts the elements it stands for. */
    public long parameters() {
        return tensorNames().stream().mapToLong(this::elements).reduce(0, Math::addExact);
    }

    private long elements(String name) {
        if (!isNf4(name)) {
            return info(name).count();
        }
        Nf4Weight weight = nf4(name);
        return weight.rows() * weight.columns();
    }

    /**
     * The model's identity: SHA-256 (hex) over the names and digests of config, weights and tokenizer. Reads every byte
     * the first time.
     */
    public synchronized String sha256() {
        if (sha256 == null) {
            sha256 = digestFiles();
        }
        return sha256;
    }

    private String digestFiles() {
        Map<String, Path> files = new TreeMap<>();
        shards.keySet().forEach(shard -> files.put(shard, folder.resolve(shard)));
        for (String other : List.of(CONFIG, "tokenizer.json")) {
            if (Files.exists(folder.resolve(other))) {
                files.put(other, folder.resolve(other));
            }
        }
        MessageDigest all = Sha256.start();
        files.forEach((name, file) ->
                all.update("%s %s\n".formatted(name, Sha256.of(file)).getBytes(StandardCharsets.UTF_8)));
        return Sha256.finish(all);
    }

    /** Unmaps the weights. */
    @Override
    public void close() {
        shards.values().forEach(SafetensorsFile::close);
    }
}
