package dev.lowrank.engine.format;

import java.nio.file.Path;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What a model can be loaded from: its configuration and its weights by name. May be read by several threads. */
public interface ModelSource {
    /** Where it lies, or what else it is called in messages. */
    Path path();

    /** What {@code config.json} says; an object. */
    JsonNode config();

    /** The names of all tensors. */
    Set<String> tensorNames();

    /** Whether a tensor is a weight that bitsandbytes has quantized to NF4. */
    default boolean isNf4(String name) {
        return false;
    }

    /** A weight quantized to NF4; only where {@link #isNf4} says so. */
    default Nf4Weight nf4(String name) {
        throw new IllegalArgumentException(name + " has no 4-bit codes");
    }

    /** One tensor's extents, outermost first. */
    long[] shape(String name);

    /** Copies {@code count} values of a tensor in row-major order, from the one at {@code from} on, to the start of {@code target}. */
    void readFloats(String name, long from, int count, float[] target);
}
