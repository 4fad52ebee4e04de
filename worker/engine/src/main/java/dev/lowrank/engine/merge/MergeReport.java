package dev.lowrank.engine.merge;

import java.nio.file.Path;
import java.util.List;

/**
 * A merged folder that was read back and found sound.
 *
 * @param kind of the adapter
 * @param type the element type of most values, such as {@code BF16}
 * @param tensors all that it holds
 * @param changed those the adapter changed
 * @param shards files the weights lie in
 * @param bytes of the weights
 * @param untied whether a head that was the embedding table became a tensor of its own
 * @param notes what its user should know
 */
public record MergeReport(
        Path output,
        String kind,
        String type,
        int tensors,
        int changed,
        int shards,
        long bytes,
        boolean untied,
        List<String> notes) {}
