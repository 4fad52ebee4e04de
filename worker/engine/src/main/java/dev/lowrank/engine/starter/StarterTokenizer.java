package dev.lowrank.engine.starter;

import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The starter base's {@code tokenizer.json} and what belongs to it. */
final class StarterTokenizer {
    static final int VOCABULARY = 1024;
    static final List<String> SPECIAL =
            List.of("<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>");
    static final String CHAT_TEMPLATE = """
            {{- bos_token -}}
            {%- for message in messages -%}
              {{- '<|' + message.role + '|>' + message.content + eos_token -}}
            {%- endfor -%}
            {%- if add_generation_prompt -%}
              {{- '<|assistant|>' -}}
            {%- endif -%}
            """;

    private StarterTokenizer() {}

    /** {@code tokenizer.json} with a vocabulary learned from the texts. */
    static ObjectNode train(Iterable<String> texts) {
        BytePairTrainer.Vocabulary learned = BytePairTrainer.train(texts, VOCABULARY - SPECIAL.size());
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("version", "1.0");
        json.putNull("truncation");
        json.putNull("padding");
        ArrayNode added = json.putArray("added_tokens");
        for (String token : SPECIAL) {
            added.add(special(token, added.size()));
        }
        json.putNull("normalizer");
        ObjectNode words = json.putObject("pre_tokenizer");
        words.put("type", "Sequence");
        ArrayNode steps = words.putArray("pretokenizers");
        steps.addObject().put("type", "Digits").put("individual_digits", true);
        steps.add(byteLevel());
        json.putNull("post_processor");
        json.set("decoder", byteLevel());
        json.set("model", model(learned));
        return json;
    }

    private static ObjectNode model(BytePairTrainer.Vocabulary learned) {
        ObjectNode model = JsonNodeFactory.instance.objectNode();
        model.put("type", "BPE");
        model.putNull("dropout");
        model.putNull("unk_token");
        model.putNull("continuing_subword_prefix");
        model.putNull("end_of_word_suffix");
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        model.put("ignore_merges", false);
        ObjectNode vocabulary = model.putObject("vocab");
        SPECIAL.forEach(token -> vocabulary.put(token, vocabulary.size()));
        learned.symbols().forEach(symbol -> vocabulary.put(symbol, vocabulary.size()));
        ArrayNode merges = model.putArray("merges");
        learned.merges().forEach(merges::add);
        return model;
    }

    private static ObjectNode special(String token, int id) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("id", id)
                .put("content", token)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true);
    }

    private static ObjectNode byteLevel() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    /** {@code tokenizer_config.json}. */
    static ObjectNode config(int maxPositions) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("tokenizer_class", "PreTrainedTokenizerFast")
                .put("bos_token", "<|bos|>")
                .put("eos_token", "<|end|>")
                .put("pad_token", "<|pad|>")
                .put("model_max_length", maxPositions)
                .put("clean_up_tokenization_spaces", false);
    }
}
