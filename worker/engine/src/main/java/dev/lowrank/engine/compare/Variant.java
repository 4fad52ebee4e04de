package dev.lowrank.engine.compare;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One row of the table: the base alone, or one way to fine-tune it.
 *
 * @param name short and unique, fit for a folder
 * @param label for people
 * @param kind null for the base alone
 * @param size what tells it from others of its kind, such as a rank; empty if nothing does
 * @param adapter the spec's {@code adapter} section
 * @param learningRate the schedule's peak; 0 for the base alone
 */
record Variant(
        String name, String label, @Nullable Kind kind, String size, Map<String, Object> adapter, double learningRate) {
    static final Variant BASE = new Variant("base", "the base, untrained", null, "", Map.of(), 0);

    Variant {
        adapter = Map.copyOf(adapter);
    }

    static Variant of(Kind kind, double rate) {
        return new Variant(kind.key(), kind.title(), kind, "", Map.of(), rate);
    }

    static Variant sized(Kind kind, int size, Map<String, Object> adapter, double rate) {
        String label = "%s, %s %d".formatted(kind.title(), kind.unit(), size);
        return new Variant(kind.key() + "-" + size, label, kind, String.valueOf(size), adapter, rate);
    }

    /** Whether a word chooses it: its name, its kind, or what its kind begins with. */
    boolean chosenBy(String word) {
        return name.equals(word) || name.startsWith(word + "-");
    }
}
