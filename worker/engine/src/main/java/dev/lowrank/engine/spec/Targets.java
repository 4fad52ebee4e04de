package dev.lowrank.engine.spec;

import dev.lowrank.engine.Quoted;
import java.util.HashSet;
import java.util.List;

/**
 * The linear layers an adapter works on.
 *
 * @param names each a whole module path or its ending ({@code "q_proj"}); or the single entry {@code "all-linear"}
 */
public record Targets(List<String> names) {
    static final String EVERY = "all-linear";
    private static final String FIELD = "adapter.target_modules";

    /** Every linear layer but the output projection. */
    public static final Targets ALL_LINEAR = new Targets(List.of(EVERY));

    public Targets {
        names = List.copyOf(names);
        SpecException.unless(
                !names.isEmpty(), FIELD, "is empty, so nothing would be trained; name modules or say \"all-linear\".");
        SpecException.unless(
                names.size() == 1 || !names.contains(EVERY),
                FIELD,
                "has \"all-linear\" in a list with others; say it alone, or name the modules.");
        requireNames(FIELD, names);
    }

    public static Targets of(String... names) {
        return new Targets(List.of(names));
    }

    public boolean allLinear() {
        return names.equals(List.of(EVERY));
    }

    /** Whether a module path is meant: it is listed, or its ending after a dot is. */
    public boolean match(String path) {
        return allLinear() || matchAny(names, path);
    }

    /** Whether one of some names is a module path or its ending after a dot. */
    static boolean matchAny(List<String> names, String path) {
        return names.stream().anyMatch(name -> path.equals(name) || path.endsWith("." + name));
    }

    static void requireNames(String field, List<String> names) {
        SpecException.unless(
                names.stream().noneMatch(String::isBlank), field, "has a blank name; leave it out of the list.");
        HashSet<String> seen = new HashSet<>();
        for (String name : names) {
            SpecException.unless(seen.add(name), field, "names %s twice; once is enough.", Quoted.of(name));
        }
    }
}
