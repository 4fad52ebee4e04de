package dev.lowrank.engine.template;

import java.util.LinkedHashMap;
import java.util.Map;

/** {@code namespace()}: the one thing a template can change from inside a loop. */
final class Namespace {
    private final Map<String, Object> attributes = new LinkedHashMap<>();

    Object get(String name) {
        Object value = attributes.get(name);
        return value != null ? value : Undefined.attribute(this, name);
    }

    void set(String name, Object value) {
        attributes.put(name, value);
    }
}
