package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;

/** Qwen 2, 2.5 (biases on query, key and value) and 3 (norms on each query and key head). */
final class QwenFamily {
    private QwenFamily() {}

    static Architecture qwen2(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        return build(in, d, d.attention(QueryKeyNorm.NONE, true, false));
    }

    static Architecture qwen3(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        boolean bias = in.flag("attention_bias", false);
        return build(in, d, d.attention(QueryKeyNorm.HEAD, bias, bias));
    }

    /** A window counts only where {@code use_sliding_window} says so, and then from {@code max_window_layers} on. */
    private static Architecture build(ConfigReader in, Dimensions d, AttentionPlan attention) {
        boolean windows = in.flag("use_sliding_window", false);
        int width = in.positive("sliding_window", 1 << 26, 0);
        int from = in.has("max_window_layers") ? in.count("max_window_layers") : 28;
        LayerTypes types = LayerTypes.read(in, d.layers(), layer -> windows && layer >= from);
        if (types.any() && (!windows || width == 0)) {
            throw in.wrong("layer_types", "a layer has a window, but use_sliding_window and sliding_window give none");
        }
        return d.llamaLike(
                in,
                attention,
                d.plans(d.attentionScale(), layer -> types.isSliding(layer) ? width : 0, layer -> 0),
                d.rotary(in),
                false,
                ModuleNames.LLAMA);
    }
}
