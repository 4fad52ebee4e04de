package dev.lowrank.engine.family;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Everything about a decoder-only language model that changes its numbers, whatever its family.
 *
 * @param family its {@code model_type}
 * @param vocabulary V
 * @param width C, the hidden size
 * @param layers one plan a block, in order
 * @param rotary the rotary position tables that layers name by index; empty without rotary positions
 * @param maxPositions the longest sequence it was made for
 * @param learnedPositions a table of positions is added to the embeddings (GPT-2)
 * @param tiedHead the output projection is the embedding table
 * @param embeddingScale what the embeddings are multiplied by; 1 for nothing
 * @param logitSoftCap logits become {@code cap * tanh(logits / cap)}; 0 for no cap
 */
public record Architecture(
        String family,
        int vocabulary,
        int width,
        AttentionPlan attention,
        FeedForwardPlan feedForward,
        NormPlan norm,
        List<LayerPlan> layers,
        List<Rotary> rotary,
        int maxPositions,
        boolean learnedPositions,
        boolean tiedHead,
        float embeddingScale,
        float logitSoftCap,
        ModuleNames names) {
    public Architecture {
        layers = List.copyOf(layers);
        rotary = List.copyOf(rotary);
    }

    /**
     * Reads and checks a {@code config.json}.
     *
     * @param file where it came from, for messages
     * @throws InputException naming the key that is missing, out of range, or changes the numbers in a way that is not
     *     supported
     */
    public static Architecture read(JsonNode json, Path file) {
        return Families.read(new ConfigReader(json, file));
    }

    /** Width of all query heads together, H * D. */
    public int queryWidth() {
        return attention.heads() * attention.headWidth();
    }

    /** Width of all key-value heads together, G * D. */
    public int keyWidth() {
        return attention.kvHeads() * attention.headWidth();
    }
}
