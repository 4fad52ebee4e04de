package dev.lowrank.engine.bench;

import dev.lowrank.engine.spec.Named;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The sizes of well-known models, all as Llamas with a tied head. */
enum Shape implements Named {
    TINY_5M("tiny-5m", 256, 704, 6, 8, 4, 4096),
    SMOLLM2_135M("smollm2-135m", 576, 1536, 30, 9, 3, 49152),
    SMOLLM2_360M("smollm2-360m", 960, 2560, 32, 15, 5, 49152),
    QWEN25_05B("qwen2.5-0.5b", 896, 4864, 24, 14, 2, 151936),
    LLAMA32_1B("llama3.2-1b", 2048, 8192, 16, 32, 8, 128256);

    /** The longest row. */
    static final int POSITIONS = 8192;

    private final String key;
    final int width;
    final int feedForward;
    final int layers;
    final int heads;
    final int kvHeads;
    final int vocabulary;

    Shape(String key, int width, int feedForward, int layers, int heads, int kvHeads, int vocabulary) {
        this.key = key;
        this.width = width;
        this.feedForward = feedForward;
        this.layers = layers;
        this.heads = heads;
        this.kvHeads = kvHeads;
        this.vocabulary = vocabulary;
    }

    @Override
    public String key() {
        return key;
    }

    static Optional<Shape> named(String word) {
        return Arrays.stream(values()).filter(shape -> shape.key.equals(word)).findFirst();
    }

    /** All names, for messages. */
    static String names() {
        return Arrays.stream(values()).map(Shape::key).collect(Collectors.joining(", "));
    }

    /** Width of all key heads together. */
    int keyWidth() {
        return width / heads * kvHeads;
    }

    /** What transformers' {@code LlamaConfig} is of this shape. */
    ObjectNode config() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("model_type", "llama")
                .put("hidden_act", "silu")
                .put("hidden_size", width)
                .put("intermediate_size", feedForward)
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", kvHeads)
                .put("vocab_size", vocabulary)
                .put("max_position_embeddings", POSITIONS)
                .put("rms_norm_eps", 1e-6)
                .put("rope_theta", 10000.0)
                .put("tie_word_embeddings", true);
    }
}
