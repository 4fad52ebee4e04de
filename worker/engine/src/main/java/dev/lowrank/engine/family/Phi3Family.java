package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;

/** Phi-3 and 4: Llama with query, key and value in one projection, gate and up in another. */
final class Phi3Family {
    private static final ModuleNames NAMES = ModuleNames.like(
            "input_layernorm", null, "post_attention_layernorm", null, "self_attn.qkv_proj", "mlp.gate_up_proj");

    private Phi3Family() {}

    static Architecture phi3(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        in.has("original_max_position_embeddings");
        in.onlyFalse("attention_bias");
        int window = in.positive("sliding_window", 1 << 26, 0);
        AttentionPlan attention = d.attention(QueryKeyNorm.NONE, false, false);
        return d.llamaLike(in, attention, d.alike(window), d.rotary(in), false, NAMES);
    }
}
