package dev.lowrank.engine.model;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A causal language model of any supported family with its weights on a device.
 *
 * <p>Frozen, it serves adapters: on its {@link #linears}, its {@link #blocks}, in front of its keys and values, in front
 * of its embeddings, or in place of weights in its {@link #slots}. Loaded as trainable, every weight has a gradient.
 */
public final class Transformer implements AutoCloseable {
    private static final int FIRST_POSITIONS = 1024;

    private final Architecture architecture;
    private final DType compute;
    private final Kernels kernels;
    private final Workspace memory;
    private final Map<String, Slot> slots;
    private final Slot embedding;
    private final @Nullable Slot positionTable;
    private final List<Block> blocks = new ArrayList<>();
    private final Norm finalNorm;
    private final Slot head;
    private List<RotaryTable> rotary = List.of();
    private int positions;
    private @Nullable Parameter prefix;
    private @Nullable Parameter prompt;
    private boolean checkpointing;
    private float noiseAlpha;

    private Transformer(Architecture a, ModelSource source, Precision precision, Kernels kernels, Workspace memory) {
        this.architecture = a;
        this.compute = precision.compute();
        this.kernels = kernels;
        this.memory = memory;
        WeightLoader weights = new WeightLoader(a, source, precision, kernels, memory);
        ModuleNames names = a.names();
        embedding = a.tiedHead()
                ? weights.head(names.embedding(), a.vocabulary(), a.width())
                : weights.table(names.embedding(), a.vocabulary(), a.width());
        positionTable = names.positions() == null || !a.learnedPositions()
                ? null
                : weights.table(names.positions(), a.maxPositions(), a.width());
        for (int layer = 0; layer < a.layers().size(); layer++) {
            blocks.add(new Block(a, layer, weights));
        }
        finalNorm = weights.norm(names.finalNorm(), a.width());
        head = a.tiedHead()
                ? weights.tied(names.head(), embedding)
                : weights.head(names.head(), a.vocabulary(), a.width());
        weights.refuseUnused();
        slots = weights.slots();
        reserve(Math.min(a.maxPositions(), FIRST_POSITIONS));
    }

    /**
     * Loads a model.
     *
     * @throws InputException if the source is not a complete model of a supported family
     */
    public static Transformer load(ModelSource source, Precision precision, Kernels kernels) {
        Architecture architecture =
                Architecture.read(source.config(), source.path().resolve("config.json"));
        Workspace memory = kernels.workspace();
        try {
            return new Transformer(architecture, source, precision, kernels, memory);
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    public Architecture architecture() {
        return architecture;
    }

    /** What activations inside of blocks are kept in. */
    public DType compute() {
        return compute;
    }

    /** Every place that holds a weight, by the weight's Hugging Face name; a tied head has one of its own. */
    public Map<String, Slot> slots() {
        return slots;
    }

    /** The dense weights of the base by their Hugging Face names, tied ones once. */
    public Map<String, Parameter> parameters() {
        Map<String, Parameter> parameters = new LinkedHashMap<>();
        slots.forEach((name, slot) -> {
            if (slot.base() instanceof Parameter parameter) {
                parameters.putIfAbsent(parameter.name(), parameter);
            }
        });
        return parameters;
    }

    /** The linear layers an adapter may be attached to: all but the output projection, in the order of the model. */
    public List<Linear> linears() {
        return blocks.stream().flatMap(block -> block.linears().stream()).toList();
    }

    public List<Block> blocks() {
        return blocks;
    }

    /** Puts learned keys and values [P, layers * 2 * G * D] in front of every sequence, or takes them away. */
    public void prefix(@Nullable Parameter table) {
        prefix = table;
    }

    /** Puts learned embeddings [P, C] in front of every sequence, or takes them away. */
    public void prompt(@Nullable Parameter table) {
        prompt = table;
    }

    /** Whether training keeps only each block's input and computes the block once more on the way back. */
    public void checkpointing(boolean on) {
        checkpointing = on;
    }

    /** NEFTune: while training, embeddings get uniform noise of up to {@code alpha / sqrt(length * C)}; 0 for none. */
    public void noise(float alpha) {
        noiseAlpha = alpha;
    }

    /** Hidden states after the last normalisation: [N, C]. */
    public Value hidden(Tape tape, TokenBatch batch) {
        int shift = prefix == null ? 0 : prefix.rows();
        return hidden(tape, batch, shift, prompt, null);
    }

    /** Hidden states of the next tokens of a cached sequence; the cache then holds these tokens too. */
    public Value hidden(Tape tape, int[] ids, KeyValueCache cache) {
        TokenBatch batch = new TokenBatch(ids, new int[] {0, ids.length});
        if (cache.length() == 0 && prefix != null) {
            cache.begin(prefix);
        }
        Parameter inFront = cache.length() == 0 ? prompt : null;
        int added = ids.length + (inFront == null ? 0 : inFront.rows());
        if (cache.length() + added > cache.capacity()) {
            throw new IllegalArgumentException("The key-value cache holds %d tokens; %d are too many."
                    .formatted(cache.capacity(), cache.length() + added));
        }
        Value hidden = hidden(tape, batch, cache.length(), inFront, cache);
        cache.advance(added);
        return hidden;
    }

    /** Rows that adapters put in front of every sequence. */
    public int rowsInFront() {
        return (prefix == null ? 0 : prefix.rows()) + (prompt == null ? 0 : prompt.rows());
    }

    private Value hidden(
            Tape tape, TokenBatch batch, int first, @Nullable Parameter inFront, @Nullable KeyValueCache cache) {
        int extra = inFront == null ? 0 : inFront.rows();
        Tensor at = upload(tape, batch.positions(first, extra));
        Value h = embed(tape, batch);
        if (inFront != null) {
            h = tape.prefixed(h, inFront, 0, batch.starts());
        }
        if (positionTable != null) {
            h = tape.sum(h, tape.embedding(at, positionTable.parameter()));
        }
        int longest = first + extra + batch.longest();
        rotary.forEach(table -> table.prepare(longest, kernels));
        int[] starts = batch.starts(extra);
        Sequences sequences = cache == null
                ? Sequences.ofStarts(starts)
                : new Sequences(starts, new int[] {0, cache.length() + starts[1]});
        Pass pass = new Pass(at, sequences, rotary, cache == null ? prefix : null, cache);
        for (Block block : blocks) {
            h = run(tape, block, h, pass);
        }
        Value trained = inFront == null ? h : tape.withoutPrefix(h, extra, batch.starts());
        return finalNorm.forward(tape, trained);
    }

    private Value embed(Tape tape, TokenBatch batch) {
        Value h = tape.embedding(upload(tape, batch.ids()), embedding.matrix());
        if (architecture.embeddingScale() != 1) {
            h = tape.scaled(h, architecture.embeddingScale());
        }
        if (noiseAlpha > 0) {
            for (int s = 0; s < batch.sequences(); s++) {
                int length = batch.starts()[s + 1] - batch.starts()[s];
                float bound = (float) (noiseAlpha / Math.sqrt((double) length * architecture.width()));
                tape.noise(h, batch.starts()[s], length, bound, -1 - s);
            }
        }
        return h;
    }

    private Value run(Tape tape, Block block, Value h, Pass pass) {
        if (!tape.recording()) {
            return discarding(tape, block, h, pass);
        }
        return checkpointing
                ? tape.checkpointed(h, (part, x) -> block.forward(part, x, pass))
                : tape.part(h, (part, x) -> block.forward(part, x, pass));
    }

    /** Without a backward pass to come, only the stream itself is kept from one block to the next. */
    private Value discarding(Tape tape, Block block, Value h, Pass pass) {
        long mark = tape.workspace().mark();
        Value next = block.forward(tape, h, pass);
        kernels.copy(next.data(), h.data());
        tape.workspace().release(mark);
        return h;
    }

    private Tensor upload(Tape tape, int[] values) {
        Tensor tensor = tape.workspace().take(DType.I32, values.length);
        kernels.upload(values, tensor);
        return tensor;
    }

    /** Makes sure that sequences of {@code length} tokens can be run; call it before a pass, not within one. */
    public void reservePositions(int length) {
        int needed = length + rowsInFront();
        if (needed > architecture.maxPositions()) {
            throw new InputException(
                    "The base was made for at most %d positions, but a row needs %d; lower \"training.max_length\" to %d."
                            .formatted(
                                    architecture.maxPositions(), needed, architecture.maxPositions() - rowsInFront()));
        }
        if (needed > positions) {
            reserve(Math.min(architecture.maxPositions(), Math.max(needed, 2 * positions)));
        }
    }

    private void reserve(int count) {
        positions = count;
        rotary = architecture.rotary().stream()
                .map(table -> new RotaryTable(table, count, memory))
                .toList();
    }

    /** A cache for one sequence of at most {@code capacity} tokens. */
    public KeyValueCache newCache(int capacity, Workspace workspace) {
        reservePositions(capacity);
        return new KeyValueCache(architecture, capacity + rowsInFront(), compute, kernels, workspace);
    }

    /** Cross-entropy of the labelled rows of hidden [N, C]; see {@link Tape#crossEntropy}. */
    public LossSum loss(Tape tape, Value hidden, Tensor labels, float scale) {
        return loss(tape, hidden, labels, scale, null, null);
    }

    /**
     * The same with a factor for each row's gradient and each row's own loss.
     *
     * @param rowScale F32 [N] or null
     * @param losses F32 [N], overwritten, or null
     */
    public LossSum loss(
            Tape tape, Value hidden, Tensor labels, float scale, @Nullable Tensor rowScale, @Nullable Tensor losses) {
        TokenLoss target = new TokenLoss(labels, scale, rowScale, architecture.logitSoftCap());
        return tape.crossEntropy(hidden, head.matrix(), target, losses);
    }

    /** Logits [rows, V] of the rows of hidden from {@code from} on. */
    public Tensor logits(Tape tape, Value hidden, int from) {
        Tensor rows = hidden.data().slice(from, hidden.data().rows() - from);
        Tensor logits = tape.workspace().take(rows.rows(), architecture.vocabulary());
        tape.logits(rows, head.matrix(), logits);
        if (architecture.logitSoftCap() > 0) {
            kernels.softCap(logits, architecture.logitSoftCap());
        }
        return logits;
    }

    /** The most that what was loaded has taken of the device, on the way or at the end. */
    public long bytes() {
        return memory.peak();
    }

    @Override
    public void close() {
        memory.close();
    }
}
