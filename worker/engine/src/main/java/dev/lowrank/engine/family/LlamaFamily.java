package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;

/** Llama 1 to 3 and Mistral, which is Llama with a window of keys. */
final class LlamaFamily {
    private LlamaFamily() {}

    static Architecture llama(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        boolean bias = in.flag("attention_bias", false);
        AttentionPlan attention = d.attention(QueryKeyNorm.NONE, bias, bias);
        return d.llamaLike(in, attention, d.alike(0), d.rotary(in), false, ModuleNames.LLAMA);
    }

    static Architecture mistral(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        int window = in.positive("sliding_window", 1 << 26, 0);
        AttentionPlan attention = d.attention(QueryKeyNorm.NONE, false, false);
        return d.llamaLike(in, attention, d.alike(window), d.rotary(in), false, ModuleNames.LLAMA);
    }
}
