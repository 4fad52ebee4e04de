package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;

/**
 * The numbers of a model that the shapes of its tensors follow from.
 *
 * @param width C, the hidden size
 * @param feedForward F, the width inside the feed-forward block
 * @param headWidth D
 * @param positions the longest text the model was made for
 * @param tiedHead the output projection is the embedding table
 */
record Dimensions(
        int vocabulary,
        int width,
        int feedForward,
        int blocks,
        int heads,
        int kvHeads,
        int headWidth,
        int positions,
        boolean tiedHead) {
    /** @throws InputException naming a key that is missing or wrong, or that llama.cpp has no place for */
    static Dimensions read(Family family, Settings config) {
        Dimensions dimensions = family == Family.GPT2 ? gpt2(config) : usual(family, config);
        boolean narrow = family == Family.QWEN2 || family == Family.PHI3 || family == Family.OLMO2;
        if (narrow && dimensions.heads * (long) dimensions.headWidth != dimensions.width) {
            throw config.inexpressible(
                    "head_dim", "llama.cpp knows only hidden_size / num_attention_heads in this family");
        }
        return dimensions;
    }

    private static Dimensions usual(Family family, Settings config) {
        int width = config.positive("hidden_size");
        int heads = config.positive("num_attention_heads");
        int kvHeads = config.positive("num_key_value_heads", heads);
        if (heads % kvHeads != 0) {
            throw config.wrong("num_key_value_heads", "it must divide num_attention_heads");
        }
        int headWidth = config.positive("head_dim", family.isGemma() ? 256 : Math.max(1, width / heads));
        if (headWidth % 2 != 0 || !config.has("head_dim") && width % heads != 0) {
            throw config.wrong(
                    "head_dim", "it must be even, and hidden_size a multiple of the heads where it is left out");
        }
        return new Dimensions(
                config.positive("vocab_size"),
                width,
                config.positive("intermediate_size"),
                config.positive("num_hidden_layers"),
                heads,
                kvHeads,
                headWidth,
                config.positive("max_position_embeddings"),
                config.flag("tie_word_embeddings", family.isGemma()));
    }

    private static Dimensions gpt2(Settings config) {
        int width = config.positive("n_embd");
        int heads = config.positive("n_head");
        if (width % heads != 0) {
            throw config.wrong("n_head", "it must divide n_embd");
        }
        return new Dimensions(
                config.positive("vocab_size"),
                width,
                config.positive("n_inner", 4 * width),
                config.positive("n_layer"),
                heads,
                heads,
                width / heads,
                config.positive("n_positions"),
                config.flag("tie_word_embeddings", true));
    }

    /** [out, in] of a linear layer of a block, or [length] of a norm, by its GGUF name. */
    long[] shape(Family family, String part) {
        long queries = (long) heads * headWidth;
        long keys = (long) kvHeads * headWidth;
        boolean wholeNorms = family == Family.OLMO2;
        return switch (part) {
            case "attn_q" -> new long[] {queries, width};
            case "attn_k", "attn_v" -> new long[] {keys, width};
            case "attn_qkv" -> new long[] {queries + 2 * keys, width};
            case "attn_output" -> new long[] {width, queries};
            case "ffn_gate" -> new long[] {feedForward, width};
            case "ffn_up" -> new long[] {family == Family.PHI3 ? 2L * feedForward : feedForward, width};
            case "ffn_down" -> new long[] {width, feedForward};
            case "attn_q_norm" -> new long[] {wholeNorms ? queries : headWidth};
            case "attn_k_norm" -> new long[] {wholeNorms ? keys : headWidth};
            case "output" -> new long[] {vocabulary, width};
            default -> new long[] {width};
        };
    }

    /** Heads in the rows of a query or key projection. */
    int headsOf(String part) {
        return part.equals("attn_k") ? kvHeads : heads;
    }

    /** The row of the source that comes to lie in a row of the target, where heads are stored by neighbours. */
    static long neighbourRow(long row, int headWidth) {
        long head = row / headWidth;
        long within = row % headWidth;
        return head * headWidth + within / 2 + (within % 2) * (headWidth / 2);
    }
}
