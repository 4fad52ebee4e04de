package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;
import dev.lowrank.kernels.Activation;
import java.util.ArrayList;
import java.util.List;

/** GPT-2: LayerNorm, learned positions, biases everywhere, an ungated feed-forward, weights stored [in, out]. */
final class Gpt2Family {
    private Gpt2Family() {}

    static Architecture gpt2(ConfigReader in) {
        in.onlyFalse("add_cross_attention");
        in.flag("reorder_and_upcast_attn", false);
        int width = in.positive("n_embd", 1 << 20);
        int heads = in.positive("n_head", 1 << 14);
        int layers = in.positive("n_layer", 1 << 12);
        if (width % heads != 0) {
            throw in.wrong("n_embd", "must be a multiple of n_head (%d)".formatted(heads));
        }
        int headWidth = width / heads;
        float scale = in.flag("scale_attn_weights", true) ? (float) (1 / Math.sqrt(headWidth)) : 1;
        boolean byLayer = in.flag("scale_attn_by_inverse_layer_idx", false);
        List<LayerPlan> plans = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            plans.add(new LayerPlan(0, LayerPlan.NO_ROTATION, byLayer ? scale / (layer + 1) : scale));
        }
        return new Architecture(
                "gpt2",
                in.positive("vocab_size", 1 << 24),
                width,
                new AttentionPlan(heads, heads, headWidth, 0, QueryKeyNorm.NONE, true, true),
                new FeedForwardPlan(in.positive("n_inner", 1 << 22, 4 * width), activation(in), false, true),
                new NormPlan(true, (float) in.number("layer_norm_epsilon"), 0),
                plans,
                List.of(),
                in.positive("n_positions", 1 << 26),
                true,
                in.flag("tie_word_embeddings", true),
                1,
                0,
                ModuleNames.GPT2);
    }

    private static Activation activation(ConfigReader in) {
        return switch (in.text("activation_function", "gelu_new")) {
            case "gelu_new", "gelu_pytorch_tanh" -> Activation.GELU_TANH;
            case "gelu" -> Activation.GELU;
            case "relu" -> Activation.RELU;
            case "silu", "swish" -> Activation.SILU;
            default -> throw in.wrong("activation_function", "must be gelu_new, gelu, relu or silu");
        };
    }
}
