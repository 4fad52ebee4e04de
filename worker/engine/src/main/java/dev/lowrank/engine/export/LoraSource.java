package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.Refusal;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** A LoRA adapter with nothing to it that a GGUF adapter cannot express; its patterns and scales are PEFT's. */
final class LoraSource implements AutoCloseable {
    private final PeftFolder folder;
    private final PeftLora config;

    private LoraSource(PeftFolder folder, PeftLora config) {
        this.folder = folder;
        this.config = config;
    }

    /** @throws InputException if it is no LoRA adapter, or one that a GGUF adapter cannot express */
    static LoraSource open(Path path) {
        PeftFolder folder = PeftFolder.open(path);
        try {
            return new LoraSource(folder, expressible(folder));
        } catch (RuntimeException | Error e) {
            folder.close();
            throw e;
        }
    }

    private static PeftLora expressible(PeftFolder folder) {
        if (!(folder.config() instanceof PeftLora lora)) {
            throw inexpressible(
                    folder,
                    "is a %s adapter, and a GGUF adapter can be nothing but LoRA"
                            .formatted(folder.config().kind()));
        }
        if (lora.dora()) {
            throw inexpressible(
                    folder, "says use_dora, but llama.cpp adds an adapter and does not rescale weights by it");
        }
        if (lora.bias() != PeftLora.Bias.NONE) {
            throw inexpressible(folder, "trains biases, for which a GGUF adapter has no place");
        }
        if (!lora.modules().save().isEmpty()) {
            throw inexpressible(folder, "has modules_to_save, but a GGUF adapter has no place for whole modules");
        }
        return lora;
    }

    private static InputException inexpressible(PeftFolder folder, String problem) {
        return Refusal.of(
                folder.path().resolve(PeftFolder.CONFIG),
                problem + "; merge the adapter into its base and export that");
    }

    Path path() {
        return folder.path();
    }

    /** Adapted modules with their ranks, sorted. */
    Map<String, Integer> ranks() {
        Map<String, Integer> ranks = new TreeMap<>();
        folder.modules().forEach(module -> ranks.put(module, config.rank(module)));
        return ranks;
    }

    /** The alpha of the whole adapter; patterns may name others. */
    double alpha() {
        return config.alpha();
    }

    /** What PEFT multiplies B A by. */
    double scale(String module) {
        return config.scale(module);
    }

    /** [rank, in] */
    StoredMatrix a(String module) {
        return matrix(PeftKey.loraA(module));
    }

    /** [out, rank] */
    StoredMatrix b(String module) {
        return matrix(PeftKey.loraB(module));
    }

    long in(String module) {
        return folder.shapeA(module)[1];
    }

    long out(String module) {
        return folder.shapeB(module)[0];
    }

    private StoredMatrix matrix(PeftKey key) {
        return new StoredMatrix(folder.bytes(key), folder.type(key), folder.shape(key)[1]);
    }

    @Override
    public void close() {
        folder.close();
    }
}
