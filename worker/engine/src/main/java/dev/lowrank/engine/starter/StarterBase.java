package dev.lowrank.engine.starter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.format.SafetensorsWriter;
import dev.lowrank.engine.format.StoredType;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Everything the starter base is made from, written into a folder: {@code blank/} (a model with random weights and the
 * tokenizer), {@code text.jsonl} and {@code text-heldout.jsonl} (what it learns from), {@code base.json} (the spec of its
 * training by the method {@code full}), and {@code data/}, the sample task. See docs/starter-base.md.
 */
public final class StarterBase {
    private static final long SEED = 20_261_120;
    private static final int DOCUMENTS = 48_000;
    private static final int POSITIONS = 512;
    private static final int WIDTH = 192;
    private static final int FEED_FORWARD = 512;
    private static final int LAYERS = 5;
    private static final int HEADS = 6;
    private static final int KV_HEADS = 3;
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final Path out;

    public StarterBase(Path out) {
        this.out = out;
    }

    /** Writes it all; the same bytes every time. */
    public void write() throws IOException {
        Files.createDirectories(out.resolve("blank"));
        Files.createDirectories(out.resolve("data"));
        writeText("text.jsonl", "train", DOCUMENTS);
        writeText("text-heldout.jsonl", "held out", 500);
        writeTask("train.jsonl", "task train", 4000);
        writeTask("validation.jsonl", "task validation", 200);
        writeTask("heldout.jsonl", "task held out", 200);
        writeTokenizer();
        writeModel();
        json(out.resolve("base.json"), trainingSpec());
    }

    private void writeText(String file, String purpose, int documents) throws IOException {
        lines(out.resolve(file), documents, purpose, dice -> {
            String text = "<|bos|>" + StarterText.document(dice) + "<|end|>";
            return MAPPER.writeValueAsString(
                    JsonNodeFactory.instance.objectNode().put("text", text));
        });
    }

    private void writeTask(String file, String purpose, int rows) throws IOException {
        lines(out.resolve("data").resolve(file), rows, purpose, StarterTask::row);
    }

    private static void lines(Path file, int count, String purpose, Function<Dice, String> line) throws IOException {
        try (BufferedWriter writer = Files.newBufferedWriter(file)) {
            for (int i = 0; i < count; i++) {
                writer.write(line.apply(new Dice(CounterRandom.key(CounterRandom.key(SEED, purpose), i))));
                writer.write('\n');
            }
        }
    }

    private void writeTokenizer() throws IOException {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 4000; i++) {
            texts.add(StarterText.document(new Dice(CounterRandom.key(CounterRandom.key(SEED, "train"), i))));
        }
        json(out.resolve("blank/tokenizer.json"), StarterTokenizer.train(texts));
        json(out.resolve("blank/tokenizer_config.json"), StarterTokenizer.config(POSITIONS));
        Files.writeString(out.resolve("blank/chat_template.jinja"), StarterTokenizer.CHAT_TEMPLATE);
    }

    private void writeModel() throws IOException {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("LlamaForCausalLM");
        config.put("model_type", "llama");
        config.put("hidden_act", "silu");
        config.put("attention_bias", false);
        config.put("mlp_bias", false);
        config.put("vocab_size", StarterTokenizer.VOCABULARY);
        config.put("hidden_size", WIDTH);
        config.put("intermediate_size", FEED_FORWARD);
        config.put("num_hidden_layers", LAYERS);
        config.put("num_attention_heads", HEADS);
        config.put("num_key_value_heads", KV_HEADS);
        config.put("head_dim", WIDTH / HEADS);
        config.put("max_position_embeddings", POSITIONS);
        config.put("rms_norm_eps", 1e-6);
        config.put("rope_theta", 10000.0);
        config.put("tie_word_embeddings", true);
        config.put("initializer_range", 0.02);
        config.put("torch_dtype", "bfloat16");
        config.put("pad_token_id", 0).put("bos_token_id", 1).put("eos_token_id", 2);
        json(out.resolve("blank/config.json"), config);
        json(
                out.resolve("blank/generation_config.json"),
                JsonNodeFactory.instance
                        .objectNode()
                        .put("bos_token_id", 1)
                        .put("eos_token_id", 2)
                        .put("pad_token_id", 0));
        writeWeights();
    }

    private void writeWeights() {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        int kv = KV_HEADS * (WIDTH / HEADS);
        random(writer, "model.embed_tokens.weight", StarterTokenizer.VOCABULARY, WIDTH, 1);
        double intoStream = 1 / Math.sqrt(2.0 * LAYERS);
        for (int i = 0; i < LAYERS; i++) {
            String at = "model.layers." + i + ".";
            ones(writer, at + "input_layernorm.weight");
            random(writer, at + "self_attn.q_proj.weight", WIDTH, WIDTH, 1);
            random(writer, at + "self_attn.k_proj.weight", kv, WIDTH, 1);
            random(writer, at + "self_attn.v_proj.weight", kv, WIDTH, 1);
            random(writer, at + "self_attn.o_proj.weight", WIDTH, WIDTH, intoStream);
            ones(writer, at + "post_attention_layernorm.weight");
            random(writer, at + "mlp.gate_proj.weight", FEED_FORWARD, WIDTH, 1);
            random(writer, at + "mlp.up_proj.weight", FEED_FORWARD, WIDTH, 1);
            random(writer, at + "mlp.down_proj.weight", WIDTH, FEED_FORWARD, intoStream);
        }
        ones(writer, "model.norm.weight");
        writer.write(out.resolve("blank/model.safetensors"));
    }

    /** Normal with standard deviation 0.05, smaller where layers add to the stream. */
    private static void random(SafetensorsWriter writer, String name, int rows, int columns, double factor) {
        long key = CounterRandom.key(SEED, name);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.05 * factor * CounterRandom.normal(key, i));
        }
        writer.add(name, StoredType.BF16, new long[] {rows, columns}, values);
    }

    private static void ones(SafetensorsWriter writer, String name) {
        float[] values = new float[WIDTH];
        Arrays.fill(values, 1);
        writer.add(name, StoredType.BF16, new long[] {WIDTH}, values);
    }

    private ObjectNode trainingSpec() {
        ObjectNode spec = JsonNodeFactory.instance.objectNode();
        spec.put("base_model", out.resolve("blank").toString());
        spec.put("training_file", out.resolve("text.jsonl").toString());
        spec.put("validation_file", out.resolve("text-heldout.jsonl").toString());
        spec.put("format", "text")
                .put("method", "full")
                .put("output", out.resolve("base").toString());
        ObjectNode training = spec.putObject("training");
        training.put("epochs", 2)
                .put("micro_batch_size", 16)
                .put("learning_rate", 1.5e-3)
                .put("schedule", "cosine");
        training.put("warmup_steps", 200)
                .put("weight_decay", 0.05)
                .put("max_length", 256)
                .put("shuffle", true);
        training.putArray("betas").add(0.9).add(0.98);
        training.put("checkpoint_every_steps", 500);
        return spec;
    }

    private static void json(Path file, JsonNode node) throws IOException {
        Files.writeString(file, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n");
    }
}
