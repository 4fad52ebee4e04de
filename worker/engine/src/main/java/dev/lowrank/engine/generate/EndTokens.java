package dev.lowrank.engine.generate;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.format.Refusal;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/** The tokens that a configuration names as the end of an answer: one, a list, or none. */
final class EndTokens {
    private static final String KEY = "eos_token_id";

    private EndTokens() {}

    /**
     * Reads them.
     *
     * @param file named in the refusal
     * @throws InputException if anything but ids stands there
     */
    static Set<Integer> of(Path file, JsonNode config) {
        JsonNode named = config.path(KEY);
        Set<Integer> ids = new TreeSet<>();
        if (named.isMissingNode() || named.isNull()) {
            return ids;
        }
        for (JsonNode id : named.isArray() ? named : List.of(named)) {
            if (!id.isInt()) {
                throw Refusal.of(
                        file,
                        "has %s %s where a token's id or a list of them belongs; correct it"
                                .formatted(KEY, Quoted.of(named)));
            }
            ids.add(id.intValue());
        }
        return ids;
    }
}
