package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;
import dev.lowrank.kernels.Activation;
import java.util.ArrayList;
import java.util.List;

/**
 * Gemma 2 and 3 (text): norms with weight - 1 stored, on both sides of attention and feed-forward; embeddings scaled by
 * sqrt(C); layers with and without a window by turns. Gemma 2 caps scores and logits, Gemma 3 norms queries and keys and
 * has a rotary table of its own for layers with a window.
 */
final class GemmaFamily {
    private static final String LOCAL = "sliding_attention";
    private static final String GLOBAL = "full_attention";
    private static final ModuleNames NAMES = ModuleNames.like(
            "input_layernorm",
            "post_attention_layernorm",
            "pre_feedforward_layernorm",
            "post_feedforward_layernorm",
            null,
            null);

    private GemmaFamily() {}

    static Architecture gemma2(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        in.only("hidden_activation", "gelu_pytorch_tanh");
        LayerTypes types = LayerTypes.read(in, d.layers(), layer -> layer % 2 == 0);
        return build(in, d, QueryKeyNorm.NONE, types, List.of(d.rotary(in)), false);
    }

    static Architecture gemma3(ConfigReader in) {
        Dimensions d = Dimensions.read(in);
        in.only("hidden_activation", "gelu_pytorch_tanh");
        int every = in.positive("sliding_window_pattern", 1 << 12, in.positive("_sliding_window_pattern", 1 << 12, 6));
        LayerTypes types = LayerTypes.read(in, d.layers(), layer -> (layer + 1) % every != 0);
        return build(in, d, QueryKeyNorm.HEAD, types, gemma3Rotary(in, d), true);
    }

    private static List<Rotary> gemma3Rotary(ConfigReader in, Dimensions d) {
        RotaryReader reader = new RotaryReader(in, d.headWidth(), d.maxPositions());
        List<Rotary> tables = new ArrayList<>();
        if (in.has("rope_parameters")) {
            ConfigReader byKind = in.section("rope_parameters");
            tables.add(reader.ofKind(byKind, GLOBAL));
            tables.add(reader.ofKind(byKind, LOCAL));
        } else {
            tables.add(reader.read());
            tables.add(reader.plain(in, "rope_local_base_freq"));
        }
        return tables;
    }

    private static Architecture build(
            ConfigReader in,
            Dimensions d,
            QueryKeyNorm norm,
            LayerTypes types,
            List<Rotary> rotary,
            boolean localRotary) {
        in.only("hidden_act", "gelu_pytorch_tanh");
        in.onlyFalse("use_bidirectional_attention");
        int window = types.any() ? in.positive("sliding_window", 1 << 26) : in.positive("sliding_window", 1 << 26, 0);
        float scale = (float) (1 / Math.sqrt(in.number("query_pre_attn_scalar")));
        boolean bias = in.flag("attention_bias", false);
        return new Architecture(
                in.text("model_type"),
                d.vocabulary(),
                d.width(),
                new AttentionPlan(
                        d.heads(),
                        d.kvHeads(),
                        d.headWidth(),
                        (float) in.number("attn_logit_softcapping", 0),
                        norm,
                        bias,
                        bias),
                d.gated(Activation.GELU_TANH, false),
                new NormPlan(false, (float) in.number("rms_norm_eps"), 1),
                d.plans(
                        scale,
                        layer -> types.isSliding(layer) ? window : 0,
                        layer -> localRotary && types.isSliding(layer) ? 1 : 0),
                rotary,
                d.reach(rotary.get(0)),
                false,
                in.flag("tie_word_embeddings", true),
                (float) Math.sqrt(d.width()),
                (float) in.number("final_logit_softcapping", 0),
                NAMES);
    }
}
