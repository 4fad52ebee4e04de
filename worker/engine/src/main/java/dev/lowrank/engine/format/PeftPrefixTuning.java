package dev.lowrank.engine.format;

import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Prefix tuning: a trained table [tokens, layers * 2 * kvWidth] of keys and values that every layer sees before a row's
 * own. Of layer {@code i}, part {@code 2 i} holds the keys and part {@code 2 i + 1} the values, head after head.
 *
 * @param tokens virtual tokens
 * @param layers of the base
 * @param kvHeads key-value heads of the base
 * @param kvWidth all key-value heads together; PEFT calls it {@code token_dim}
 */
public record PeftPrefixTuning(
        int tokens,
        int layers,
        int kvHeads,
        int kvWidth,
        @Nullable String baseModel) implements PeftConfig {
    public PeftPrefixTuning {
        if (Math.min(tokens, layers) < 1 || kvHeads < 1 || kvWidth < 1 || kvWidth % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "%d tokens, %d layers, %d heads of %d together".formatted(tokens, layers, kvHeads, kvWidth));
        }
    }

    @Override
    public String kind() {
        return "prefix tuning";
    }

    /** Columns of the table. */
    public long columns() {
        return 2L * layers * kvWidth;
    }

    static PeftPrefixTuning read(PeftFields fields) {
        fields.ignore("encoder_hidden_size", "init_weights");
        PeftPromptTuning.requireOneStack(fields);
        if (fields.flag("prefix_projection")) {
            throw fields.refused(
                    "prefix_projection",
                    "which only training can use; set it to false, since the table is stored already projected");
        }
        int heads = fields.whole("num_attention_heads", 1, PeftPromptTuning.MOST);
        int width = fields.whole("token_dim", 1, PeftPromptTuning.MOST);
        fields.require(width % heads == 0, "token_dim", "a multiple of num_attention_heads");
        return new PeftPrefixTuning(
                fields.whole("num_virtual_tokens", 1, PeftPromptTuning.MOST),
                fields.whole("num_layers", 1, PeftPromptTuning.MOST),
                heads,
                width,
                fields.text("base_model_name_or_path"));
    }

    @Override
    public Map<String, @Nullable Object> fields() {
        Map<String, @Nullable Object> fields = new TreeMap<>();
        fields.put("encoder_hidden_size", kvWidth);
        fields.put("init_weights", null);
        fields.put("modules_to_save", null);
        fields.put("num_attention_heads", kvHeads);
        fields.put("num_layers", layers);
        fields.put("num_transformer_submodules", 1);
        fields.put("num_virtual_tokens", tokens);
        fields.put("peft_type", "PREFIX_TUNING");
        fields.put("prefix_projection", false);
        fields.put("token_dim", kvWidth);
        return fields;
    }
}
