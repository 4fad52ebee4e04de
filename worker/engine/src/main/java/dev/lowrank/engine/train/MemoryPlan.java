package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.InitialAdapter;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a run takes of the device's memory, by a formula, against what there is; all in bytes. Whether activations are kept
 * or computed again follows from it unless the spec says so.
 *
 * @param base the frozen or trained weights
 * @param trained an adapter's values and gradients; 0 for full fine-tuning, whose gradients are the base's
 * @param optimizer its averages
 * @param paged whether they may leave the memory, so that they do not count
 * @param kept activations and their gradients of the largest micro-batch, all kept
 * @param checkpointed the same with each block computed again on the way back
 * @param available to this process, what it holds already included
 * @param wanted what the spec says
 */
public record MemoryPlan(
        BaseMemory base,
        long trained,
        long optimizer,
        boolean paged,
        long kept,
        long checkpointed,
        long available,
        GradientCheckpointing wanted) {
    /** What stays free for what no formula counts: the Java heap, the C library, other programs. */
    private static final double MARGIN = 0.15;

    /**
     * Plans a run whose base and adapter are loaded already.
     *
     * @param free what the process may take beyond what it holds
     */
    static MemoryPlan of(
            TrainingSpec spec,
            Trainee trainee,
            Optimizer optimizer,
            BatchPlan batches,
            Objective rows,
            @Nullable Objective validation,
            long free) {
        List<Parameter> parameters = trainee.trainable();
        Activations activations = new Activations(trainee.model(), parameters, spec.method(), dropout(spec.adapter()));
        long values = parameters.stream()
                .mapToLong(parameter -> parameter.value().size())
                .sum();
        long averages = parameters.stream()
                .mapToLong(parameter -> Optimizer.stateBytes(
                        spec.training().optimizer(), parameter.value().size()))
                .sum();
        MicroBatch largest = MicroBatch.largest(batches, rows);
        long judged = validation == null ? 0 : judged(activations, validation);
        long held = trainee.model().bytes() + trainee.memory().reservedBytes() + optimizer.reservedBytes();
        return new MemoryPlan(
                BaseMemory.of(trainee.model()),
                spec.method() == Method.FULL ? 0 : 2 * values * Float.BYTES,
                averages,
                spec.training().paged(),
                reserved(Math.max(judged, activations.kept(largest.tokens(), largest.sequences()))),
                reserved(Math.max(judged, activations.checkpointed(largest.tokens(), largest.sequences()))),
                free == Long.MAX_VALUE ? free : free + held,
                spec.training().gradientCheckpointing());
    }

    private static long judged(Activations activations, Objective validation) {
        long sequences = Math.min(LossMeter.ROWS, validation.data().size());
        return activations.judged(sequences * validation.data().longestRow(), sequences);
    }

    /** An adapter that is trained further may drop, too: it is counted as if it did. */
    private static double dropout(@Nullable AdapterSpec adapter) {
        return switch (adapter) {
            case LoraSpec lora -> lora.dropout();
            case InitialAdapter further -> 0.5;
            case null, default -> 0;
        };
    }

    /** What a stack of so many bytes reserves: memory comes in pieces that double the whole, up to 64 MiB each. */
    static long reserved(long bytes) {
        long reserved = 0;
        while (reserved < bytes) {
            reserved += Math.clamp(reserved, 1 << 20, 64 << 20);
        }
        return reserved;
    }

    /** Whether blocks are computed again on the way back. */
    public boolean checkpointing() {
        return switch (wanted) {
            case NONE -> false;
            case LAYER -> true;
            case AUTO -> !fits(kept);
        };
    }

    /** Everything, with the activations that the decision leads to. */
    public long bytes() {
        return held() + (checkpointing() ? checkpointed : kept);
    }

    private long held() {
        return base.bytes() + trained + (paged ? 0 : optimizer);
    }

    private boolean fits(long activations) {
        return held() + activations <= (1 - MARGIN) * available;
    }

    /** The decision, its reason and the figures, in one sentence. */
    @Override
    public String toString() {
        return "Memory: %s for the base, %s for what is trained with its optimizer%s, %s for activations (%s with gradient checkpointing) of %s available; %s."
                .formatted(
                        readable(base.bytes()),
                        readable(trained + optimizer),
                        paged ? " (%s of it paged)".formatted(readable(optimizer)) : "",
                        readable(kept),
                        readable(checkpointed),
                        available == Long.MAX_VALUE ? "an unknown amount" : readable(available),
                        decision());
    }

    private String decision() {
        String margin = "%.0f %%".formatted(100 * MARGIN);
        return switch (wanted) {
            case NONE -> "no gradient checkpointing, as the spec says" + (fits(kept) ? "" : tooLittle());
            case LAYER -> "gradient checkpointing by layer, as the spec says" + (fits(checkpointed) ? "" : tooLittle());
            case AUTO ->
                fits(kept)
                        ? "no gradient checkpointing, since all of it fits with a margin of " + margin
                        : "gradient checkpointing by layer, since all of it does not fit with a margin of " + margin
                                + (fits(checkpointed) ? "" : tooLittle());
        };
    }

    private static String tooLittle() {
        return ", which may be too little: lower \"training.micro_batch_size\" or \"training.max_length\"";
    }

    static String readable(long bytes) {
        return bytes < 10_000_000
                ? String.format(Locale.ROOT, "%.2f MB", bytes / 1e6)
                : bytes < 1_000_000_000
                        ? String.format(Locale.ROOT, "%.0f MB", bytes / 1e6)
                        : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
