package dev.lowrank.engine.family;

import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;
import dev.lowrank.kernels.Activation;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** The numbers that every family after GPT-2 writes under the same keys. */
record Dimensions(
        int vocabulary,
        int width,
        int feedForward,
        int layers,
        int heads,
        int kvHeads,
        int headWidth,
        int maxPositions) {

    static Dimensions read(ConfigReader in) {
        int width = in.positive("hidden_size", 1 << 20);
        int heads = in.positive("num_attention_heads", 1 << 14);
        int kvHeads = in.positive("num_key_value_heads", 1 << 14, heads);
        boolean explicit = in.has("head_dim");
        int headWidth = in.positive("head_dim", 1 << 14, Math.max(1, width / heads));
        if (heads % kvHeads != 0) {
            throw in.wrong("num_attention_heads", "must be a multiple of num_key_value_heads (%d)".formatted(kvHeads));
        }
        if (!explicit && width % heads != 0) {
            throw in.wrong("hidden_size", "must be a multiple of num_attention_heads where head_dim is not given");
        }
        if (headWidth % 2 != 0) {
            throw in.wrong(
                    explicit ? "head_dim" : "hidden_size", "must give an even head, since rotary positions turn pairs");
        }
        return new Dimensions(
                in.positive("vocab_size", 1 << 24),
                width,
                in.positive("intermediate_size", 1 << 22),
                in.positive("num_hidden_layers", 1 << 12),
                heads,
                kvHeads,
                headWidth,
                in.positive("max_position_embeddings", 1 << 26));
    }

    /** {@code 1 / sqrt(D)}. */
    float attentionScale() {
        return (float) (1 / Math.sqrt(headWidth));
    }

    AttentionPlan attention(QueryKeyNorm norm, boolean inputBias, boolean outputBias) {
        return new AttentionPlan(heads, kvHeads, headWidth, 0, norm, inputBias, outputBias);
    }

    FeedForwardPlan gated(Activation activation, boolean bias) {
        return new FeedForwardPlan(feedForward, activation, true, bias);
    }

    /** Plans of all layers. */
    List<LayerPlan> plans(float scale, IntUnaryOperator window, IntUnaryOperator rotary) {
        List<LayerPlan> plans = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            plans.add(new LayerPlan(window.applyAsInt(layer), rotary.applyAsInt(layer), scale));
        }
        return plans;
    }

    /** Every layer alike, with the first rotary table. */
    List<LayerPlan> alike(int window) {
        return plans(attentionScale(), layer -> window, layer -> 0);
    }

    /** The longest sequence: what the file says, or more where the rotary base grows with the length. */
    int reach(Rotary rotary) {
        return rotary.scaling() instanceof RotaryScaling.Dynamic d
                ? (int) Math.min(1 << 26, maxPositions * d.factor())
                : maxPositions;
    }

    /** A model of Llama's kind: RMSNorm, a gated SiLU, one rotary table. */
    Architecture llamaLike(
            ConfigReader in,
            AttentionPlan attention,
            List<LayerPlan> plans,
            Rotary rotary,
            boolean tied,
            ModuleNames names) {
        in.only("hidden_act", "silu");
        return new Architecture(
                in.text("model_type"),
                vocabulary,
                width,
                attention,
                gated(Activation.SILU, in.flag("mlp_bias", false)),
                new NormPlan(false, (float) in.number("rms_norm_eps"), 0),
                plans,
                List.of(rotary),
                reach(rotary),
                false,
                in.flag("tie_word_embeddings", tied),
                1,
                0,
                names);
    }

    Rotary rotary(ConfigReader in) {
        return new RotaryReader(in, headWidth, maxPositions).read();
    }
}
