package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;

/** SmolLM3: Llama in which every few layers have no positions at all. */
final class SmolLm3Family {
    private SmolLm3Family() {}

    static Architecture smolLm3(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        boolean bias = in.flag("attention_bias", false);
        boolean[] rotated = rotated(in, d.layers());
        boolean windows = in.flag("use_sliding_window", false);
        int window = in.positive("sliding_window", 1 << 26, 0);
        LayerTypes types = LayerTypes.read(in, d.layers(), layer -> windows && window > 0 && !rotated[layer]);
        return d.llamaLike(
                in,
                d.attention(QueryKeyNorm.NONE, bias, bias),
                d.plans(
                        d.attentionScale(),
                        layer -> windows && types.isSliding(layer) ? window : 0,
                        layer -> rotated[layer] ? 0 : LayerPlan.NO_ROTATION),
                d.rotary(in),
                true,
                ModuleNames.LLAMA);
    }

    /** {@code no_rope_layers} holds 1 for a layer with rotary positions, whatever its name says. */
    private static boolean[] rotated(ConfigReader in, int layers) {
        boolean[] rotated = new boolean[layers];
        int every = in.positive("no_rope_layer_interval", 1 << 12, 4);
        boolean listed = in.has("no_rope_layers");
        for (int i = 0; i < layers; i++) {
            rotated[i] = listed ? in.integers("no_rope_layers", layers).get(i) != 0 : (i + 1) % every != 0;
        }
        return rotated;
    }
}
