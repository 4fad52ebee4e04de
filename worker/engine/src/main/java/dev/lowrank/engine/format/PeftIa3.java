package dev.lowrank.engine.format;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An IA3 adapter: factors that start at one, on the outputs of most modules and on the inputs of feed-forward ones.
 *
 * @param feedForward which of the targeted modules have factors on their inputs; null for none
 * @param fanInFanOut whether the base stores these weights as [in, out], as GPT-2 does
 */
public record PeftIa3(
        PeftModules modules,
        @Nullable PeftTargets feedForward,
        boolean fanInFanOut,
        @Nullable String baseModel) implements PeftConfig {
    public PeftIa3 {
        if (!modules.layers().isEmpty() || feedForward instanceof PeftTargets.AllLinear) {
            throw new IllegalArgumentException(
                    "IA3 knows no choice of layers, and no word for all feed-forward modules");
        }
    }

    /** Whether a module's factors multiply its inputs. PEFT takes any ending of the path here, whole names or not. */
    public boolean onInputs(String module) {
        return switch (feedForward) {
            case null -> false;
            case PeftTargets.Listed listed -> listed.names().stream().anyMatch(module::endsWith);
            case PeftTargets other -> other.match(module);
        };
    }

    @Override
    public String kind() {
        return "IA3";
    }

    static PeftIa3 read(PeftFields fields) {
        fields.ignore("init_ia3_weights");
        PeftModules modules = modules(fields);
        PeftTargets feedForward = fields.targets("feedforward_modules");
        fields.require(
                feedForward != null || fields.has("feedforward_modules"),
                "feedforward_modules",
                "a list of module names, which may be empty,");
        fields.require(
                !(feedForward instanceof PeftTargets.AllLinear), "feedforward_modules", "a list of module names");
        if (feedForward instanceof PeftTargets.Listed some && modules.targets() instanceof PeftTargets.Listed all) {
            fields.require(all.names().containsAll(some.names()), "feedforward_modules", "a part of target_modules");
        }
        return new PeftIa3(modules, feedForward, fields.flag("fan_in_fan_out"), fields.text("base_model_name_or_path"));
    }

    /** The choice of modules that LoRA and IA3 have in common. */
    static PeftModules modules(PeftFields fields) {
        PeftTargets targets = fields.targets("target_modules");
        fields.require(targets != null, "target_modules", "a list of module names");
        PeftTargets exclude = fields.targets("exclude_modules");
        fields.require(!(exclude instanceof PeftTargets.AllLinear), "exclude_modules", "a list of module names");
        return new PeftModules(
                Objects.requireNonNull(targets), exclude, List.of(), List.of(), fields.names("modules_to_save"));
    }

    static Map<String, @Nullable Object> fields(PeftModules modules) {
        Map<String, @Nullable Object> fields = new TreeMap<>();
        fields.put("exclude_modules", written(modules.exclude()));
        fields.put("modules_to_save", modules.save().isEmpty() ? null : modules.save());
        fields.put("target_modules", written(modules.targets()));
        return fields;
    }

    private static @Nullable Object written(@Nullable PeftTargets targets) {
        return switch (targets) {
            case null -> null;
            case PeftTargets.Listed listed -> listed.names();
            case PeftTargets.Expression expression -> expression.pattern().source();
            case PeftTargets.AllLinear _ -> PeftTargets.ALL_LINEAR;
        };
    }

    @Override
    public Map<String, @Nullable Object> fields() {
        Map<String, @Nullable Object> fields = new TreeMap<>(fields(modules));
        fields.put("fan_in_fan_out", fanInFanOut);
        fields.put("feedforward_modules", feedForward == null ? List.of() : written(feedForward));
        fields.put("init_ia3_weights", true);
        fields.put("peft_type", "IA3");
        return fields;
    }
}
