package dev.lowrank.engine.format;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Prompt tuning: a trained table [tokens, width] that stands before the embeddings of every row.
 *
 * @param tokens virtual tokens
 * @param width of the base's embedding
 * @param layers of the base
 * @param heads query heads of the base
 */
public record PeftPromptTuning(
        int tokens,
        int width,
        int layers,
        int heads,
        @Nullable String baseModel) implements PeftConfig {
    static final int MOST = 1 << 20;

    public PeftPromptTuning {
        if (Math.min(Math.min(tokens, width), Math.min(layers, heads)) < 1) {
            throw new IllegalArgumentException(
                    "%d tokens of %d, %d layers, %d heads".formatted(tokens, width, layers, heads));
        }
    }

    @Override
    public String kind() {
        return "prompt tuning";
    }

    static PeftPromptTuning read(PeftFields fields) {
        fields.ignore("prompt_tuning_init", "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs");
        requireOneStack(fields);
        return new PeftPromptTuning(
                fields.whole("num_virtual_tokens", 1, MOST),
                fields.whole("token_dim", 1, MOST),
                fields.whole("num_layers", 1, MOST),
                fields.whole("num_attention_heads", 1, MOST),
                fields.text("base_model_name_or_path"));
    }

    /** PEFT repeats the tokens for a decoder beside an encoder; the models here have one stack of layers. */
    static void requireOneStack(PeftFields fields) {
        if (fields.has("num_transformer_submodules")) {
            fields.whole("num_transformer_submodules", 1, 1);
        }
    }

    @Override
    public Map<String, @Nullable Object> fields() {
        Map<String, @Nullable Object> fields = new TreeMap<>();
        fields.put("modules_to_save", null);
        fields.put("num_attention_heads", heads);
        fields.put("num_layers", layers);
        fields.put("num_transformer_submodules", 1);
        fields.put("num_virtual_tokens", tokens);
        fields.put("peft_type", "PROMPT_TUNING");
        fields.put("prompt_tuning_init", "RANDOM");
        fields.put("prompt_tuning_init_text", null);
        fields.put("token_dim", width);
        fields.put("tokenizer_kwargs", null);
        fields.put("tokenizer_name_or_path", null);
        return fields;
    }
}
