package dev.lowrank.engine.template;

import java.util.Iterator;

/**
 * What filters such as {@code map} and {@code select} give: elements made when asked for, and only once.
 *
 * @param elements what is left
 */
record Lazy(Iterator<Object> elements) {
    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
