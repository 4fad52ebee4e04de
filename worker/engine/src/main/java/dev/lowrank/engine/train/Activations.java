package dev.lowrank.engine.train;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.tape.Parameter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the tape takes for a micro-batch, added up operation by operation as {@link dev.lowrank.engine.tape.Tape} takes it.
 * N tokens in S sequences; C width, Q all query heads, K all key heads, H heads, F feed-forward, V vocabulary, r rank.
 * Numbers are fp32 values until the last moment.
 *
 * <pre>
 * a block forward   norms (C + 1) each · q, k, v: Q + 2K · heads Q · lse H · out C · sum C
 *                   gate, up, product 3F · down C · sum C
 *                   an adapted layer r, and its inputs once more where some are dropped
 * and backward      down F · gate, up 2F · norm C · out Q · q, k, v: Q + 2K · norm C
 *                   an adapted layer r, and its inputs once more where some are dropped
 * around them       embeddings C · last norm C, its gradient C, the loss's C
 * </pre>
 *
 * Kept, all blocks lie in memory together. Computed again, a block leaves C and the gradient of it, and only one block lies
 * there whole.
 */
final class Activations {
    private static final Pattern LAYER = Pattern.compile("(?:^|\\.)layers\\.(\\d+)\\.");
    /** The loss projects as many rows at once as fit here, within these bounds. */
    private static final long HEAD_BYTES = 32 << 20;

    private static final int FEWEST_ROWS = 64;
    private static final int MOST_ROWS = 512;

    private final Transformer model;
    private final Architecture a;
    private final Method method;
    private final double dropout;
    private final Map<String, Parameter> trainable = new LinkedHashMap<>();
    private final long virtualTokens;
    private final List<Block> blocks = new ArrayList<>();

    /** Values of a block, for each token (and what prefixes add for each sequence). */
    private record Block(long forward, long backward, long forwardEach, long backwardEach) {
        long forward(long n, long s) {
            return n * forward + s * forwardEach;
        }

        long backward(long n, long s) {
            return n * backward + s * backwardEach;
        }
    }

    /** @param dropout of the adapter; 0 where it has none */
    Activations(Transformer model, List<Parameter> parameters, Method method, double dropout) {
        this.model = model;
        this.a = model.architecture();
        this.method = method;
        this.dropout = dropout;
        parameters.forEach(parameter -> trainable.put(parameter.name(), parameter));
        Parameter table = trainable.get(PeftKey.PROMPT.name());
        this.virtualTokens = table == null ? 0 : table.rows();
        boolean below = method == Method.FULL || method == Method.PROMPT_TUNING;
        for (int layer = 0; layer < a.layers().size(); layer++) {
            Block block = block(layer, below);
            blocks.add(block);
            below |= block.backward > 0;
        }
    }

    /** Bytes of a training pass that keeps everything. */
    long kept(long tokens, long sequences) {
        long n = rows(tokens, sequences);
        long forward =
                blocks.stream().mapToLong(block -> block.forward(n, sequences)).sum();
        long backward =
                blocks.stream().mapToLong(block -> block.backward(n, sequences)).sum();
        long around = around(tokens, n);
        return bytes(around + forward + Math.max(head(tokens), backward + dequantized()));
    }

    /** Bytes of a training pass that computes each block again. */
    long checkpointed(long tokens, long sequences) {
        long n = rows(tokens, sequences);
        long between = n * a.width() * blocks.size();
        long one = blocks.stream()
                .mapToLong(block -> block.forward(n, sequences) + block.backward(n, sequences))
                .max()
                .orElse(0);
        long around = around(tokens, n);
        return bytes(around + between + Math.max(head(tokens), between + one + dequantized()));
    }

    /** Bytes of a pass without a way back. */
    long judged(long tokens, long sequences) {
        long n = rows(tokens, sequences);
        long one = blocks.stream()
                .mapToLong(block -> block.forward(n, sequences))
                .max()
                .orElse(0);
        return bytes(around(tokens, n) + Math.max(head(tokens), one + dequantized()));
    }

    private long rows(long tokens, long sequences) {
        return method == Method.PROMPT_TUNING ? tokens + sequences * virtualTokens : tokens;
    }

    /** Ids, positions and labels; embeddings with what is put in front of them; the last norm and two gradients. */
    private long around(long tokens, long n) {
        long c = a.width();
        long embedded = a.learnedPositions() ? 3 : 1;
        long inFront = method == Method.PROMPT_TUNING ? n * 2 * c + tokens * 2 * c : 0;
        return 3 * n + tokens * c * embedded + inFront + tokens * (3 * c + 2);
    }

    private long head(long tokens) {
        long fitting = HEAD_BYTES / (4L * a.vocabulary());
        long chunk = Math.min(tokens, Math.clamp(fitting, FEWEST_ROWS, MOST_ROWS));
        return chunk * (a.vocabulary() + a.width());
    }

    private long dequantized() {
        return BaseMemory.largestQuantized(model);
    }

    /** @param below whether anything trainable lies before the block */
    private Block block(int layer, boolean below) {
        List<Linear> linears = model.linears().stream()
                .filter(linear -> linear.layer() == layer)
                .toList();
        ModuleNames names = a.names();
        long adapted = linears.stream().mapToLong(this::adaptedForward).sum();
        long inside = bottleneck(layer);
        boolean trains = below || adapted + inside > 0 || method == Method.PREFIX_TUNING;
        long forward = attentionForward(trains) + feedForwardForward() + adapted + inside;
        boolean prefixed = method == Method.PREFIX_TUNING;
        long prefixEach = prefixed ? 2 * virtualTokens * a.keyWidth() : 0;
        if (prefixed) {
            forward += 2L * a.keyWidth();
        }
        if (!trains) {
            return new Block(forward, 0, prefixEach, 0);
        }
        long backward = inside;
        for (Linear linear : linears) {
            boolean reads = below || !readsStream(linear, names);
            backward += adaptedBackward(linear, reads);
        }
        backward += attentionBackward(below) + feedForwardBackward();
        if (prefixed) {
            backward += 2L * a.keyWidth();
        }
        return new Block(forward, backward, prefixEach, prefixEach);
    }

    private long norm(@Nullable String name) {
        return name == null ? 0 : a.width() + (a.norm().layer() ? 2 : 1);
    }

    private long attentionForward(boolean trains) {
        ModuleNames names = a.names();
        long queries = a.queryWidth();
        long keys = a.keyWidth();
        long projected = (queries + 2 * keys) * (names.queryKeyValue() == null ? 1 : 2);
        long normed = a.attention().queryKeyNorm() == QueryKeyNorm.NONE
                ? 0
                : queries + keys + a.attention().heads() + a.attention().kvHeads();
        long lse = trains ? a.attention().heads() : 0;
        return norm(names.attentionNorm())
                + projected
                + normed
                + queries
                + lse
                + 2L * a.width()
                + norm(names.attentionOutputNorm());
    }

    private long feedForwardForward() {
        ModuleNames names = a.names();
        long f = a.feedForward().width();
        long inner = !a.feedForward().gated() ? 2 * f : names.gateUp() == null ? 3 * f : 5 * f;
        return norm(names.feedForwardNorm()) + inner + 2L * a.width() + norm(names.feedForwardOutputNorm());
    }

    private long attentionBackward(boolean below) {
        ModuleNames names = a.names();
        long queries = a.queryWidth();
        long keys = a.keyWidth();
        long projected = (queries + 2 * keys) * (names.queryKeyValue() == null ? 1 : 2);
        long normed = a.attention().queryKeyNorm() == QueryKeyNorm.NONE ? 0 : queries + keys;
        long input = below && names.attentionNorm() != null ? a.width() : 0;
        long output = names.attentionOutputNorm() == null ? 0 : a.width();
        return queries + projected + normed + input + output;
    }

    private long feedForwardBackward() {
        ModuleNames names = a.names();
        long f = a.feedForward().width();
        long inner = !a.feedForward().gated() ? 2 * f : names.gateUp() == null ? 3 * f : 5 * f;
        long input = names.feedForwardNorm() == null ? 0 : a.width();
        long output = names.feedForwardOutputNorm() == null ? 0 : a.width();
        return inner + input + output;
    }

    /** Whether a layer's input is the stream, normalised, as attention's projections have it. */
    static boolean readsStream(Linear linear, ModuleNames names) {
        return Stream.of(names.query(), names.key(), names.value(), names.queryKeyValue())
                .filter(Objects::nonNull)
                .anyMatch(name -> !name.isEmpty() && linear.path().endsWith("." + name));
    }

    private long adaptedForward(Linear linear) {
        Parameter factor = trainable.get(PeftKey.ia3(linear.path()).name());
        if (factor != null) {
            return factor.value().size();
        }
        Parameter down = trainable.get(PeftKey.loraA(linear.path()).name());
        if (down == null) {
            return 0;
        }
        boolean drops = dropout > 0;
        long plain = down.rows() + (drops ? linear.inputs() : 0);
        boolean dora = trainable.containsKey(PeftKey.magnitude(linear.path()).name());
        return !dora ? plain : plain + linear.outputs() + (drops ? linear.inputs() + 2L * linear.outputs() : 0);
    }

    /** @param reads whether the gradient of its input is wanted */
    private long adaptedBackward(Linear linear, boolean reads) {
        Parameter factor = trainable.get(PeftKey.ia3(linear.path()).name());
        if (factor != null) {
            return factor.value().size();
        }
        Parameter down = trainable.get(PeftKey.loraA(linear.path()).name());
        if (down == null) {
            return 0;
        }
        boolean drops = dropout > 0;
        long plain = down.rows() + (drops && reads ? linear.inputs() : 0);
        boolean dora = trainable.containsKey(PeftKey.magnitude(linear.path()).name());
        return !dora ? plain : plain + linear.outputs() + (drops ? linear.inputs() + 2L * linear.outputs() : 0);
    }

    /** Houlsby's adapters of a block: the way down, the activation, the way up and the sum. */
    private long bottleneck(int layer) {
        long values = 0;
        for (Parameter parameter : trainable.values()) {
            Matcher at = LAYER.matcher(parameter.name());
            if (parameter.name().endsWith(".down.weight")
                    && at.find()
                    && Integer.parseInt(at.group(1)) == layer
                    && method == Method.BOTTLENECK) {
                values += 2L * parameter.rows() + 2L * a.width();
            }
        }
        return values;
    }

    private static long bytes(long values) {
        return values * Float.BYTES;
    }
}
