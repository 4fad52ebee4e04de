package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Sequences;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The floating-point operations that a pass forwards and back cannot do without: those of its matrix products, a
 * multiplication and an addition being two. N tokens, T of which are predicted; C width, Q all query heads, V vocabulary, r rank.
 *
 * <pre>
 * a linear layer   forward 2 N in out                   back, dx the same where something behind it is trained,
 *                                                             dW the same where it is trained itself
 * its adapter      forward 2 N r (in + out)             back, t and dB 4 N r out, dA 2 N r in, dx 2 N r in
 * attention        forward 4 Q for each query and key   back 8 Q (dV, dP, dQ, dK)
 * the head         forward 2 T C V                      back, dx the same, dW the same where it is trained
 * </pre>
 *
 * What is computed twice to save memory counts once: scores in attention, blocks under gradient checkpointing.
 */
final class Products {
    private final Transformer model;
    private final Architecture a;
    private final Map<String, Parameter> trained = new LinkedHashMap<>();
    private final boolean full;

    /** @param full whether the base itself is trained, embeddings and all */
    Products(Transformer model, List<Parameter> trained, boolean full) {
        this.model = model;
        this.a = model.architecture();
        this.full = full;
        trained.forEach(parameter -> this.trained.put(parameter.name(), parameter));
    }

    double of(List<Example> rows) {
        TokenBatch batch = LossMeter.batch(rows);
        long tokens = batch.ids().length;
        long predicted = rows.stream().mapToLong(Example::trainedTokens).sum();
        return model.linears().stream()
                        .mapToDouble(linear -> linear(linear, tokens))
                        .sum()
                + attention(Sequences.ofStarts(batch.starts()))
                + (full ? 6.0 : 4.0) * predicted * a.width() * a.vocabulary();
    }

    private double linear(Linear linear, long tokens) {
        boolean reads = full || linear.layer() > 0 || !readsStream(linear, a.names());
        int passes = 1 + (reads ? 1 : 0) + (full ? 1 : 0);
        double products = 2.0 * passes * linear.inputs() * linear.outputs();
        Parameter down = trained.get(PeftKey.loraA(linear.path()).name());
        return tokens * (down == null ? products : products + adapter(linear, down.rows(), reads));
    }

    /** Whether a layer's input is the stream, normalised, as attention's projections have it. */
    private static boolean readsStream(Linear linear, ModuleNames names) {
        return Stream.of(names.query(), names.key(), names.value(), names.queryKeyValue())
                .filter(Objects::nonNull)
                .anyMatch(name -> !name.isEmpty() && linear.path().endsWith("." + name));
    }

    private static double adapter(Linear linear, long rank, boolean reads) {
        return 2.0 * rank * (linear.inputs() * (reads ? 3L : 2L) + linear.outputs() * 3L);
    }

    private double attention(Sequences sequences) {
        return a.layers().stream()
                .mapToDouble(layer -> 12.0 * a.queryWidth() * sequences.pairs(layer.window()))
                .sum();
    }
}
