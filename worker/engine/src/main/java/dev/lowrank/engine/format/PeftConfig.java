package dev.lowrank.engine.format;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What an {@code adapter_config.json} says: one record for each kind of adapter. */
public sealed interface PeftConfig permits PeftLora, PeftIa3, PeftPromptTuning, PeftPrefixTuning, PeftBottleneck {
    /** The base model as its trainer named it; null when the file does not say. */
    @Nullable
    String baseModel();

    /** What people call this kind, such as "LoRA". */
    String kind();

    /** All fields of the file, but those every kind has. */
    Map<String, @Nullable Object> fields();

    /**
     * Reads and checks a file; anything set in it that would change the numbers and is not understood is refused.
     *
     * @throws dev.lowrank.engine.InputException if it is missing, not sound, or asks for what is not supported
     */
    static PeftConfig read(Path file) {
        PeftFields fields = new PeftFields(file, JsonFile.read(file, 8 << 20));
        PeftConfig config = fields.choice("peft_type", PeftType.READABLE, PeftType::name, null)
                .read()
                .apply(fields);
        fields.only("task_type", "CAUSAL_LM", !config.isPrompt());
        fields.ignore("auto_mapping", "inference_mode", "peft_version", "revision");
        fields.refuseTheRest(PeftType.REASONS);
        return config;
    }

    /** Whether it works by virtual tokens, which PEFT applies only when it knows the task. */
    private boolean isPrompt() {
        return this instanceof PeftPromptTuning || this instanceof PeftPrefixTuning;
    }

    /** The file as PEFT 0.21 writes it: equal records give equal bytes. */
    default String toJson() {
        Map<String, @Nullable Object> all = new TreeMap<>(fields());
        all.put("base_model_name_or_path", baseModel());
        all.put("task_type", "CAUSAL_LM");
        if (!(this instanceof PeftBottleneck)) {
            all.put("auto_mapping", null);
            all.put("inference_mode", true);
            all.put("peft_version", "0.21.0");
            all.put("revision", null);
        }
        return PeftType.prettyPrinted(all);
    }
}
