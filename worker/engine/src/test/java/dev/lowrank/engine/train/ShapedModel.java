package dev.lowrank.engine.train;

import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.StoredType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** A Llama model folder of any shape, with random weights and a file of random rows. */
record ShapedModel(int layers, int width, int feedForward, int heads, int kvHeads, int vocabulary) {
    /** SmolLM-135M's widths, with fewer layers and words. */
    static final ShapedModel SMOLLM_LIKE = new ShapedModel(3, 576, 1536, 9, 3, 4096);

    void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(
                folder.resolve("config.json"), """
                {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": %d,
                 "intermediate_size": %d, "max_position_embeddings": 2048, "num_attention_heads": %d,
                 "num_hidden_layers": %d, "num_key_value_heads": %d, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                 "tie_word_embeddings": true, "vocab_size": %d}
                """.formatted(width, feedForward, heads, layers, kvHeads, vocabulary));
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        int keys = width / heads * kvHeads;
        add(writer, "embed_tokens", vocabulary, width);
        add(writer, "norm", width);
        for (int layer = 0; layer < layers; layer++) {
            String at = "layers." + layer + ".";
            add(writer, at + "input_layernorm", width);
            add(writer, at + "self_attn.q_proj", width, width);
            add(writer, at + "self_attn.k_proj", keys, width);
            add(writer, at + "self_attn.v_proj", keys, width);
            add(writer, at + "self_attn.o_proj", width, width);
            add(writer, at + "post_attention_layernorm", width);
            add(writer, at + "mlp.gate_proj", feedForward, width);
            add(writer, at + "mlp.up_proj", feedForward, width);
            add(writer, at + "mlp.down_proj", width, feedForward);
        }
        writer.write(folder.resolve("model.safetensors"));
    }

    private static void add(SafetensorsWriter writer, String module, long... shape) {
        Random random = new Random(module.hashCode());
        int count = Math.toIntExact(shape.length == 1 ? shape[0] : shape[0] * shape[1]);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = shape.length == 1 ? 1 : 0.04f * (random.nextFloat() - 0.5f);
        }
        writer.add("model." + module + ".weight", StoredType.BF16, shape, values);
    }

    /** Rows of so many tokens, all of them trained. */
    void writeRows(Path file, int rows, int tokens) throws IOException {
        Random random = new Random(rows);
        StringBuilder lines = new StringBuilder();
        for (int row = 0; row < rows; row++) {
            String ids = random.ints(tokens, 3, vocabulary).boxed().toList().toString();
            lines.append("{\"input_ids\": %s, \"labels\": %s}%n".formatted(ids, ids));
        }
        Files.writeString(file, lines);
    }
}
