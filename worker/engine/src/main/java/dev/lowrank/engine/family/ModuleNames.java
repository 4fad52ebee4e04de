package dev.lowrank.engine.family;

import org.jspecify.annotations.Nullable;

/**
 * Where a family keeps its weights. Module paths without {@code .weight}; a module that is null does not exist, so that
 * the four norms say whether blocks normalise before, after, or on both sides of attention and feed-forward.
 *
 * @param layers path of the blocks, to which {@code .N.} is appended
 * @param queryKeyValue the fused projection; null where query, key and value are projected one by one
 * @param gateUp the fused projection; null where they are apart
 * @param gate null without a gate
 * @param transposed weights of linear layers lie as [in, out] (GPT-2's Conv1D)
 */
public record ModuleNames(
        String embedding,
        @Nullable String positions,
        String layers,
        String finalNorm,
        String head,
        @Nullable String attentionNorm,
        @Nullable String attentionOutputNorm,
        @Nullable String feedForwardNorm,
        @Nullable String feedForwardOutputNorm,
        @Nullable String queryKeyValue,
        String query,
        String key,
        String value,
        String output,
        String queryNorm,
        String keyNorm,
        @Nullable String gateUp,
        @Nullable String gate,
        String up,
        String down,
        boolean transposed) {
    /** A norm before attention and one before the feed-forward, everything projected by itself. */
    static final ModuleNames LLAMA = like("input_layernorm", null, "post_attention_layernorm", null, null, null);

    static final ModuleNames GPT2 = new ModuleNames(
            "transformer.wte",
            "transformer.wpe",
            "transformer.h",
            "transformer.ln_f",
            "lm_head",
            "ln_1",
            null,
            "ln_2",
            null,
            "attn.c_attn",
            "",
            "",
            "",
            "attn.c_proj",
            "",
            "",
            null,
            null,
            "mlp.c_fc",
            "mlp.c_proj",
            true);

    /** Llama's names with other norms, or with projections fused. */
    static ModuleNames like(
            @Nullable String attentionNorm,
            @Nullable String attentionOutputNorm,
            @Nullable String feedForwardNorm,
            @Nullable String feedForwardOutputNorm,
            @Nullable String queryKeyValue,
            @Nullable String gateUp) {
        return new ModuleNames(
                "model.embed_tokens",
                null,
                "model.layers",
                "model.norm",
                "lm_head",
                attentionNorm,
                attentionOutputNorm,
                feedForwardNorm,
                feedForwardOutputNorm,
                queryKeyValue,
                "self_attn.q_proj",
                "self_attn.k_proj",
                "self_attn.v_proj",
                "self_attn.o_proj",
                "self_attn.q_norm",
                "self_attn.k_norm",
                gateUp,
                "mlp.gate_proj",
                "mlp.up_proj",
                "mlp.down_proj",
                false);
    }
}
