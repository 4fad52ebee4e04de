package dev.lowrank.engine.bench;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.format.ModelSource;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import tools.jackson.databind.JsonNode;

/**
 * A model that lies nowhere: each weight is drawn when it is read, as transformers draws those of a new model, matrices
 * from a normal distribution with standard deviation 0.02 and norms 1. A value is a function of seed, name and place.
 */
final class RandomModel implements ModelSource {
    private static final double DEVIATION = 0.02;
    /** Values that one generator draws, so that parts of a matrix can be drawn alone. */
    private static final int BLOCK = 1 << 14;

    private final Shape shape;
    private final long seed;
    private final Map<String, long[]> tensors = new LinkedHashMap<>();

    RandomModel(Shape shape, long seed) {
        this.shape = shape;
        this.seed = seed;
        add("embed_tokens", shape.vocabulary, shape.width);
        for (int layer = 0; layer < shape.layers; layer++) {
            String at = "layers." + layer + ".";
            add(at + "input_layernorm", shape.width);
            add(at + "self_attn.q_proj", shape.width, shape.width);
            add(at + "self_attn.k_proj", shape.keyWidth(), shape.width);
            add(at + "self_attn.v_proj", shape.keyWidth(), shape.width);
            add(at + "self_attn.o_proj", shape.width, shape.width);
            add(at + "post_attention_layernorm", shape.width);
            add(at + "mlp.gate_proj", shape.feedForward, shape.width);
            add(at + "mlp.up_proj", shape.feedForward, shape.width);
            add(at + "mlp.down_proj", shape.width, shape.feedForward);
        }
        add("norm", shape.width);
    }

    private void add(String module, long... extents) {
        tensors.put("model." + module + ".weight", extents);
    }

    @Override
    public Path path() {
        return Path.of(shape.key());
    }

    @Override
    public JsonNode config() {
        return shape.config();
    }

    @Override
    public Set<String> tensorNames() {
        return Collections.unmodifiableSet(tensors.keySet());
    }

    @Override
    public long[] shape(String name) {
        long[] extents = tensors.get(name);
        if (extents == null) {
            throw new IllegalArgumentException(shape.key() + " has no tensor " + name);
        }
        return extents.clone();
    }

    @Override
    public void readFloats(String name, long from, int count, float[] target) {
        if (shape(name).length == 1) {
            Arrays.fill(target, 0, count, 1);
            return;
        }
        long key = CounterRandom.key(seed, name);
        LongStream.rangeClosed(from / BLOCK, (from + count - 1) / BLOCK)
                .parallel()
                .forEach(block -> draw(key, block, from, count, target));
    }

    /** Draws a block from its start, and keeps what lies in {@code [from, from + count)}. */
    private static void draw(long key, long block, long from, int count, float[] target) {
        SplittableRandom random = new SplittableRandom(CounterRandom.bits(key, block));
        long end = Math.min(from + count, (block + 1) * BLOCK);
        for (long place = block * BLOCK; place < end; place++) {
            float value = (float) (DEVIATION * random.nextGaussian());
            if (place >= from) {
                target[(int) (place - from)] = value;
            }
        }
    }
}
