package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufType;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.format.StoredType;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a Hugging Face model folder, a base or a merged one, as a GGUF file for llama.cpp. */
public final class GgufModelExport {
    private GgufModelExport() {}

    /**
     * Writes and checks a file.
     *
     * @param type of the matrices; null for the type the embedding table is stored in
     * @param withTokenizer false leaves the tokenizer out, so that only ids can be given to the model
     * @throws InputException if the model cannot be expressed as GGUF, or the file is there already
     * @throws UncheckedIOException if the disk fails or is full
     */
    public static ExportReport write(Path modelFolder, Path output, @Nullable GgufType type, boolean withTokenizer) {
        GgufDraft.checkFree(output);
        try (ModelFolder model = ModelFolder.open(modelFolder)) {
            Settings config = new Settings(modelFolder.resolve("config.json"), model.config());
            Family family = Family.of(config);
            Dimensions dimensions = Dimensions.read(family, config);
            ModelKeys hyper = ModelKeys.read(family, config, dimensions);
            GgufType chosen = type == null ? storedType(model, family) : type;
            List<PlannedTensor> tensors = ModelTensors.plan(model, family, dimensions, chosen, hyper.factors());
            TokenizerKeys tokenizer = tokenizer(modelFolder, config, dimensions, withTokenizer);

            Map<String, GgufValue> keys = new LinkedHashMap<>();
            keys.put("general.architecture", GgufValue.text(family.architecture()));
            keys.put("general.type", GgufValue.text("model"));
            keys.put("general.name", GgufValue.text(nameOf(modelFolder)));
            keys.put("general.file_type", GgufValue.u32(fileType(chosen)));
            keys.put("general.quantization_version", GgufValue.u32(2));
            keys.putAll(hyper.values());
            keys.putAll(tokenizer.values());

            List<String> notes = new ArrayList<>(hyper.notes());
            notes.addAll(tokenizer.notes());
            long bytes = GgufDraft.publish(output, keys, tensors);
            return new ExportReport(output, family.architecture(), chosen, tensors.size(), bytes, notes);
        }
    }

    private static TokenizerKeys tokenizer(Path folder, Settings config, Dimensions dimensions, boolean wanted) {
        if (!wanted) {
            return TokenizerKeys.none();
        }
        if (!TokenizerKeys.present(folder)) {
            throw Refusal.of(
                    folder,
                    "holds no tokenizer.json; copy it from the base model, or export with --without-tokenizer for a file that"
                            + " takes ids only");
        }
        return TokenizerKeys.read(folder, config, dimensions.vocabulary());
    }

    private static GgufType storedType(ModelFolder model, Family family) {
        String table = family.embedding() + ".weight";
        String name = model.tensorNames().contains(table) ? table : table.replaceFirst("^transformer\\.", "");
        StoredType stored = model.info(name).dtype();
        return switch (stored) {
            case BF16 -> GgufType.BF16;
            case F16 -> GgufType.F16;
            default -> GgufType.F32;
        };
    }

    /** llama.cpp's number for "mostly of that type". */
    static long fileType(GgufType type) {
        return switch (type) {
            case F32 -> 0;
            case F16 -> 1;
            case Q8_0 -> 7;
            case BF16 -> 32;
        };
    }

    /** The folder's own name: where it lies is nobody's business. */
    static String nameOf(Path folder) {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return name == null ? "model" : name.toString();
    }
}
