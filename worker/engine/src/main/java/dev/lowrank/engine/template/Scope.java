package dev.lowrank.engine.template;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Names and what they stand for; a loop turn, a macro or a block sees the names outside but sets only its own. */
final class Scope {
    private final @Nullable Scope outer;
    private final Map<String, Object> names;

    private Scope(@Nullable Scope outer, Map<String, Object> names) {
        this.outer = outer;
        this.names = names;
    }

    static Scope outermost(Map<String, Object> names) {
        return new Scope(null, names);
    }

    static Scope within(Scope outer, Map<String, Object> names) {
        return new Scope(outer, names);
    }

    Scope inner() {
        return new Scope(this, new HashMap<>(4));
    }

    void set(String name, Object value) {
        names.put(name, value);
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Object value = scope.names.get(name);
            if (value != null) {
                return value;
            }
        }
        return Undefined.name(name);
    }
}
