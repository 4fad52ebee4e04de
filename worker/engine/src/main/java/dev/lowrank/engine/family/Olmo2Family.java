package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;

/** OLMo 2: norms behind attention and feed-forward instead of before, and over all query or key heads together. */
final class Olmo2Family {
    private static final ModuleNames NAMES =
            ModuleNames.like(null, "post_attention_layernorm", null, "post_feedforward_layernorm", null, null);

    private Olmo2Family() {}

    static Architecture olmo2(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        boolean bias = in.flag("attention_bias", false);
        AttentionPlan attention = d.attention(QueryKeyNorm.WHOLE, bias, bias);
        return d.llamaLike(in, attention, d.alike(0), d.rotary(in), false, NAMES);
    }
}
