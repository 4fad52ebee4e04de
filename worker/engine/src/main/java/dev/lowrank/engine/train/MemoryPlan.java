package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.GradientCheckpointing;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a run takes of the device's memory, against what there is; all in bytes. Whether activations are kept or computed
 * again follows from it unless the spec says so.
 *
 * @param base the frozen or trained weights
 * @param loaded what they take with the tables of positions, and with what loading them needs
 * @param passing what is there for a while beyond all else: a second base, to judge by the side of one whose weights move
 * @param trained an adapter's values and gradients; next to nothing for full fine-tuning, whose gradients are the base's
 * @param optimizer its averages
 * @param paged whether they may leave the memory, so that they do not count
 * @param kept activations, gradients and the loss of the heaviest micro-batch, all activations kept
 * @param checkpointed the same with each block computed again on the way back
 * @param device what operations keep for themselves
 * @param room what the process takes besides, and what is available
 * @param wanted what the spec says
 */
public record MemoryPlan(
        BaseMemory base,
        long loaded,
        long passing,
        long trained,
        long optimizer,
        boolean paged,
        long kept,
        long checkpointed,
        long device,
        Room room,
        GradientCheckpointing wanted) {
    /** Activations are kept only if so much stays free for other programs. */
    private static final double MARGIN = 0.1;

    /** A part of the whole. */
    public record Item(String name, long bytes) {}

    /** Whether blocks are computed again on the way back. */
    public boolean checkpointing() {
        return switch (wanted) {
            case NONE -> false;
            case LAYER -> true;
            case AUTO -> !leavesMargin(kept);
        };
    }

    /** What the stack of activations takes, by the decision. */
    public long scratch() {
        return checkpointing() ? checkpointed : kept;
    }

    /** Everything, in parts. */
    public List<Item> items() {
        List<Item> items = new ArrayList<>();
        add(items, "base", base.bytes());
        add(items, "tables of positions, loading", loaded - base.bytes());
        add(items, "for a while, such as a second base", passing);
        add(items, "adapter and its gradients", trained);
        add(items, "optimizer", paged ? 0 : optimizer);
        add(items, checkpointing() ? "activations, each block's anew" : "activations, all kept", scratch());
        add(items, "inside of operations", device);
        add(items, "Java and libraries", room.process());
        return items;
    }

    private static void add(List<Item> items, String name, long bytes) {
        if (bytes > 0) {
            items.add(new Item(name, bytes));
        }
    }

    /** Everything. */
    public long bytes() {
        return besides() + scratch();
    }

    /** Everything but the stack of activations. */
    private long besides() {
        return loaded + passing + trained + (paged ? 0 : optimizer) + device + room.process();
    }

    /** Whether there is room for all of it. */
    public boolean fits() {
        return bytes() <= room.available();
    }

    private boolean leavesMargin(long scratch) {
        return besides() + scratch <= (1 - MARGIN) * room.available();
    }

    /** The decision, its reason and the figures, in one sentence. */
    @Override
    public String toString() {
        return "Memory: %s for the base, %s for what is trained with its optimizer%s, %s for activations (%s with gradient checkpointing), %s for everything else, %s of %s available; %s."
                .formatted(
                        readable(loaded + passing),
                        readable(trained + optimizer),
                        paged ? " (%s of it paged)".formatted(readable(optimizer)) : "",
                        readable(kept),
                        readable(checkpointed),
                        readable(device + room.process()),
                        readable(bytes()),
                        room.known() ? readable(room.available()) : "an unknown amount",
                        decision());
    }

    private String decision() {
        String margin = "%.0f %%".formatted(100 * MARGIN);
        return switch (wanted) {
            case NONE -> "no gradient checkpointing, as the spec says";
            case LAYER -> "gradient checkpointing by layer, as the spec says";
            case AUTO ->
                checkpointing()
                        ? "gradient checkpointing by layer, since all of it does not fit with a margin of " + margin
                        : "no gradient checkpointing, since all of it fits with a margin of " + margin;
        };
    }

    static String readable(long bytes) {
        return bytes < 10_000_000
                ? String.format(Locale.ROOT, "%.2f MB", bytes / 1e6)
                : bytes < 1_000_000_000
                        ? String.format(Locale.ROOT, "%.0f MB", bytes / 1e6)
                        : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
