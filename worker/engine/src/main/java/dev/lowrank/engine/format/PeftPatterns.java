package dev.lowrank.engine.format;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values of single modules, by patterns for the path or its ending after a dot; the first that matches counts. */
public final class PeftPatterns<V> {
    private record Entry<V>(PeftPattern pattern, V value) {}

    private final Map<String, V> values;
    private final List<Entry<V>> entries;

    private PeftPatterns(Map<String, V> values) {
        this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
        this.entries = this.values.entrySet().stream()
                .map(e -> new Entry<>(PeftPattern.ending(e.getKey()), e.getValue()))
                .toList();
    }

    /**
     * The patterns in the order of the map.
     *
     * @throws IllegalArgumentException if one is not sound; see {@link PeftPattern#of}
     */
    public static <V> PeftPatterns<V> of(Map<String, V> values) {
        return new PeftPatterns<>(values);
    }

    public static <V> PeftPatterns<V> none() {
        return new PeftPatterns<>(Map.of());
    }

    /** The value for a module, or another when no pattern matches its path. */
    public V orElse(String module, V otherwise) {
        for (Entry<V> entry : entries) {
            if (entry.pattern().matches(module)) {
                return entry.value();
            }
        }
        return otherwise;
    }

    /** In order. */
    public Map<String, V> values() {
        return values;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PeftPatterns<?> that
                && List.copyOf(values.entrySet()).equals(List.copyOf(that.values.entrySet()));
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    @Override
    public String toString() {
        return values.toString();
    }
}
