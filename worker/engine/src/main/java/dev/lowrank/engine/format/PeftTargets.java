package dev.lowrank.engine.format;

import java.util.List;
import java.util.TreeSet;

/** How a configuration says which modules it means. */
public sealed interface PeftTargets {
    String ALL_LINEAR = "all-linear";

    /**
     * Whether a module path is meant.
     *
     * @throws IllegalArgumentException if a pattern takes too long to match
     */
    boolean match(String module);

    /**
     * Names of modules.
     *
     * @param names whole module paths or their endings after a dot; kept sorted, each once
     */
    record Listed(List<String> names) implements PeftTargets {
        public Listed {
            names = List.copyOf(new TreeSet<>(names));
        }

        /** Whether the path stands in the list whole, so that the choice of layers does not touch it. */
        boolean exactly(String module) {
            return names.contains(module);
        }

        @Override
        public boolean match(String module) {
            return names.stream().anyMatch(name -> module.equals(name) || module.endsWith("." + name));
        }
    }

    /** A regular expression for the whole path. */
    record Expression(PeftPattern pattern) implements PeftTargets {
        @Override
        public boolean match(String module) {
            return pattern.matches(module);
        }
    }

    /** Every linear layer but the output head; what is linear, the caller must know. */
    record AllLinear() implements PeftTargets {
        @Override
        public boolean match(String module) {
            return true;
        }
    }
}
