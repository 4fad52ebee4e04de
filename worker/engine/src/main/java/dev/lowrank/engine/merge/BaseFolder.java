package dev.lowrank.engine.merge;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.format.StoredType;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A base in its folder: its tensors by the names the model's own class gives them, read one at a time. */
final class BaseFolder {
    private final ModelFolder folder;
    private final Architecture architecture;
    private final Map<String, String> stored = new LinkedHashMap<>();
    private final String embedding;
    private final String head;

    /** @throws dev.lowrank.engine.InputException if it is quantized, or no whole model of a supported family */
    BaseFolder(ModelFolder folder) {
        this.folder = folder;
        if (folder.quantization() != null || folder.tensorNames().stream().anyMatch(folder::isNf4)) {
            throw Refusal.of(
                    folder.path(),
                    "holds 4-bit weights, in which a merged adapter would be rounded away; name the 16-bit original"
                            + " it was quantized from");
        }
        architecture = Architecture.read(folder.config(), folder.path().resolve("config.json"));
        embedding = architecture.names().embedding() + ".weight";
        head = architecture.names().head() + ".weight";
        String prefix = missingPrefix();
        for (String name : folder.tensorNames()) {
            String full = name.equals(head) ? name : prefix + name;
            boolean tiedCopy = architecture.tiedHead() && full.equals(head);
            if (!isRecomputed(full) && !tiedCopy) {
                stored.put(full, name);
            }
        }
    }

    /** Some files leave out the name of the part that holds all layers (GPT-2's early ones). */
    private String missingPrefix() {
        if (folder.tensorNames().contains(embedding)) {
            return "";
        }
        String first = embedding.substring(0, embedding.indexOf('.') + 1);
        if (!folder.tensorNames().contains(embedding.substring(first.length()))) {
            throw Refusal.of(
                    folder.path(),
                    "has no tensor %s, which its config.json promises; the download may be incomplete"
                            .formatted(Refusal.quoted(embedding)));
        }
        return first;
    }

    /** Old exports carry rotary frequencies and causal masks, which every program computes itself. */
    private static boolean isRecomputed(String name) {
        return name.endsWith(".rotary_emb.inv_freq") || name.matches(".*\\.attn\\.(masked_)?bias");
    }

    /** What an adapter may change: all tensors of the file, and a tied head. */
    BaseTensors tensors() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        stored.forEach((name, in) -> shapes.put(name, folder.info(in).shape()));
        if (architecture.tiedHead()) {
            shapes.put(head, Objects.requireNonNull(shapes.get(embedding)));
        }
        String blocks = architecture.names().layers() + ".";
        List<String> linears = shapes.entrySet().stream()
                .filter(e -> e.getValue().length == 2 && e.getKey().startsWith(blocks))
                .filter(e -> e.getKey().endsWith(".weight"))
                .map(e -> e.getKey().substring(0, e.getKey().length() - ".weight".length()))
                .toList();
        return new BaseTensors(shapes, linears, architecture.names().transposed());
    }

    ModelFolder folder() {
        return folder;
    }

    /** The names of the tensors of the file. */
    List<String> names() {
        return List.copyOf(stored.keySet());
    }

    /** The head's name if it is the embedding table and not in the file; else null. */
    @Nullable
    String tiedHead() {
        return architecture.tiedHead() ? head : null;
    }

    String embedding() {
        return embedding;
    }

    StoredType type(String name) {
        return folder.info(in(name)).dtype();
    }

    long[] shape(String name) {
        return folder.info(in(name)).shape();
    }

    /** Row-major; of a tied head the embedding table's. */
    float[] values(String name) {
        return folder.floats(in(name));
    }

    MemorySegment bytes(String name) {
        return folder.bytes(in(name));
    }

    private String in(String name) {
        String place = stored.get(name);
        return place != null ? place : Objects.requireNonNull(stored.get(embedding));
    }
}
