package dev.lowrank.engine.model;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A causal language model of the Llama architecture with its weights on a device (fp32).
 *
 * <p>Frozen, it serves adapters attached to its {@link #linears}; loaded as trainable, every weight has a gradient.
 */
public final class Llama implements AutoCloseable {
    private final LlamaConfig config;
    private final Kernels kernels;
    private final Workspace memory;
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Parameter embedding;
    private final List<LlamaLayer> layers = new ArrayList<>();
    private final Parameter finalNorm;
    private final Parameter head;
    private RotaryTables rotary;
    private int positions;

    private Llama(LlamaConfig config, ModelFolder folder, boolean trainable, Kernels kernels) {
        this.config = config;
        this.kernels = kernels;
        this.memory = kernels.workspace();
        Loader loader = new Loader(folder, trainable);
        int c = config.width();
        long queries = (long) config.heads() * config.headWidth();
        long keys = (long) config.kvHeads() * config.headWidth();
        embedding = loader.take("model.embed_tokens.weight", config.vocabulary(), c);
        for (int i = 0; i < config.layers(); i++) {
            String at = "model.layers." + i + ".";
            layers.add(new LlamaLayer(
                    i,
                    loader.take(at + "input_layernorm.weight", c),
                    loader.linear(at + "self_attn.q_proj", queries, c),
                    loader.linear(at + "self_attn.k_proj", keys, c),
                    loader.linear(at + "self_attn.v_proj", keys, c),
                    loader.linear(at + "self_attn.o_proj", c, queries),
                    loader.take(at + "post_attention_layernorm.weight", c),
                    loader.linear(at + "mlp.gate_proj", config.feedForward(), c),
                    loader.linear(at + "mlp.up_proj", config.feedForward(), c),
                    loader.linear(at + "mlp.down_proj", c, config.feedForward())));
        }
        finalNorm = loader.take("model.norm.weight", c);
        head = config.tiedHead() ? embedding : loader.take("lm_head.weight", config.vocabulary(), c);
        loader.refuseUnused();
        positions = Math.min(config.maxPositions(), 1024);
        rotary = RotaryTables.of(config, positions, kernels, memory);
    }

    /**
     * Loads a model folder.
     *
     * @param trainable whether every weight gets a gradient (full fine-tuning)
     * @throws InputException if the folder is not a complete Llama model
     */
    public static Llama load(ModelFolder folder, boolean trainable, Kernels kernels) {
        return new Llama(
                LlamaConfig.read(folder.config(), folder.path().resolve("config.json")), folder, trainable, kernels);
    }

    public LlamaConfig config() {
        return config;
    }

    /** All weights by their Hugging Face names, tied ones once. */
    public Map<String, Parameter> parameters() {
        return parameters;
    }

    /** The linear layers an adapter may be attached to: all but the output projection, in the order of the model. */
    public List<Linear> linears() {
        return layers.stream().flatMap(layer -> layer.linears().stream()).toList();
    }

    /** Hidden states after the last normalisation: [N, C]. */
    public Value hidden(Tape tape, TokenBatch batch) {
        return hidden(tape, batch, null);
    }

    /** Hidden states of the next tokens of a cached sequence; the cache then holds these tokens too. */
    public Value hidden(Tape tape, int[] ids, KeyValueCache cache) {
        if (cache.length() + ids.length > cache.capacity()) {
            throw new IllegalArgumentException("The key-value cache holds %d tokens; %d are too many."
                    .formatted(cache.capacity(), cache.length() + ids.length));
        }
        TokenBatch batch = TokenBatch.continuing(ids, cache.length(), kernels, tape.workspace());
        Value hidden = hidden(tape, batch, cache);
        cache.advance(ids.length);
        return hidden;
    }

    /** Makes sure that sequences of {@code length} tokens can be run; call it before a pass, not within one. */
    public void reservePositions(int length) {
        if (length > config.maxPositions()) {
            throw new InputException(
                    "The base was made for at most %d positions, but a row has %d tokens; lower \"training.max_length\" to %d."
                            .formatted(config.maxPositions(), length, config.maxPositions()));
        }
        if (length > positions) {
            positions = Math.min(config.maxPositions(), Math.max(length, 2 * positions));
            rotary = RotaryTables.of(config, positions, kernels, memory);
        }
    }

    /** A cache for one sequence of at most {@code capacity} tokens. */
    public KeyValueCache newCache(int capacity, Workspace workspace) {
        reservePositions(capacity);
        return new KeyValueCache(config, capacity, kernels, workspace);
    }

    private Value hidden(Tape tape, TokenBatch batch, @Nullable KeyValueCache cache) {
        Value h = tape.embedding(batch.ids(), embedding);
        for (LlamaLayer layer : layers) {
            h = tape.recording()
                    ? layer.forward(tape, h, batch, config, rotary, cache)
                    : discarding(tape, layer, h, batch, cache);
        }
        return tape.rmsNorm(h, finalNorm, 0, config.normEpsilon());
    }

    /** Without a backward pass to come, only the stream itself is kept from one layer to the next. */
    private Value discarding(Tape tape, LlamaLayer layer, Value h, TokenBatch batch, @Nullable KeyValueCache cache) {
        long mark = tape.workspace().mark();
        Value next = layer.forward(tape, h, batch, config, rotary, cache);
        kernels.copy(next.data(), h.data());
        tape.workspace().release(mark);
        return h;
    }

    /** Cross-entropy of the labelled rows of hidden [N, C]; see {@link Tape#crossEntropy}. */
    public LossSum loss(Tape tape, Value hidden, Tensor labels, float scale) {
        return tape.crossEntropy(hidden, head, labels, scale);
    }

    /** Logits [rows, V] of the rows of hidden from {@code from} on. */
    public Tensor logits(Tape tape, Value hidden, int from) {
        Tensor rows = hidden.data().slice(from, hidden.data().rows() - from);
        Tensor logits = tape.workspace().take(rows.rows(), config.vocabulary());
        kernels.matmul(rows, false, head.value(), true, 1, 0, logits);
        return logits;
    }

    @Override
    public void close() {
        memory.close();
    }

    /** Takes tensors from the folder by name, checking each shape before anything is copied. */
    private final class Loader {
        private final ModelFolder folder;
        private final boolean trainable;
        private final Set<String> unused;

        Loader(ModelFolder folder, boolean trainable) {
            this.folder = folder;
            this.trainable = trainable;
            this.unused = new TreeSet<>(folder.tensorNames());
        }

        Linear linear(String path, long out, long in) {
            return new Linear(path, take(path + ".weight", out, in));
        }

        Parameter take(String name, long... shape) {
            if (!unused.remove(name)) {
                throw new InputException(
                        "%s has no tensor \"%s\", which its config.json promises; the download may be incomplete."
                                .formatted(folder.path(), name));
            }
            long[] found = folder.info(name).shape();
            if (!Arrays.equals(found, shape)) {
                throw new InputException("Tensor \"%s\" in %s has shape %s, but config.json asks for %s."
                        .formatted(name, folder.path(), Arrays.toString(found), Arrays.toString(shape)));
            }
            Tensor value = memory.take(shape);
            kernels.upload(folder.floats(name), 0, value);
            Tensor gradient = trainable ? memory.take(shape) : null;
            Parameter parameter = new Parameter(name, value, gradient);
            parameters.put(name, parameter);
            return parameter;
        }

        /** Old exports carry rotary frequencies, and tied models sometimes a copy of the head: both are recomputed. */
        void refuseUnused() {
            unused.removeIf(name -> name.endsWith(".rotary_emb.inv_freq"));
            if (config.tiedHead()) {
                unused.remove("lm_head.weight");
            }
            if (!unused.isEmpty()) {
                throw new InputException(
                        "%s holds %d tensors that a Llama model has no place for, such as \"%s\"; its config.json may belong to another model."
                                .formatted(
                                        folder.path(),
                                        unused.size(),
                                        unused.iterator().next()));
            }
        }
    }
}
