package dev.lowrank.engine.spec;

import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * An adapter that exists, to be trained further: its own settings count.
 *
 * @param folder in PEFT's format
 * @param said what the spec's {@code adapter} section says all the same, by key; it must agree with the folder
 */
public record InitialAdapter(String folder, Map<String, JsonNode> said) implements AdapterSpec {
    public InitialAdapter {
        said = Collections.unmodifiableMap(new LinkedHashMap<>(said));
    }

    @Override
    public boolean fits(Method method) {
        return method.hasPeftFormat();
    }

    /**
     * Compares what the spec says with what was found.
     *
     * @param found the folder's own settings
     * @param linearLayers last names of the base's linear layers, which is what {@code "all-linear"} stands for
     * @throws SpecException naming the first setting that differs
     */
    public void requireAgreement(AdapterSpec found, Collection<String> linearLayers) {
        ObjectNode has = SpecWriter.adapter(found);
        said.forEach((key, value) -> {
            JsonNode other = has.path(key);
            SpecException.unless(
                    comparable(value, linearLayers).equals(comparable(other, linearLayers)),
                    "adapter." + key,
                    "is %s, but the initial adapter %s has %s; leave it out, or start a new adapter.",
                    value,
                    folder,
                    other.isMissingNode() ? "none" : other);
        });
    }

    private static Object comparable(JsonNode value, Collection<String> linearLayers) {
        boolean all = value.isString() && value.stringValue().equals(Targets.EVERY);
        return all ? Set.copyOf(linearLayers) : plain(value);
    }

    /** Numbers by value and lists as sets: neither how a number is written nor the order of names matters. */
    private static Object plain(JsonNode value) {
        if (value.isNumber()) {
            return value.doubleValue();
        }
        if (value.isString()) {
            return value.stringValue();
        }
        if (value.isArray()) {
            Set<Object> set = new HashSet<>();
            value.forEach(one -> set.add(plain(one)));
            return set;
        }
        if (value.isObject()) {
            Map<String, Object> map = new LinkedHashMap<>();
            value.forEachEntry((key, one) -> map.put(key, plain(one)));
            return map;
        }
        return value;
    }
}
