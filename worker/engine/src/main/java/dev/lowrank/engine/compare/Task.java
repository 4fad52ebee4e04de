package dev.lowrank.engine.compare;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a child process does for one variant, as it stands in {@code task.json} of the variant's folder.
 *
 * @param spec to train by; null for the base alone
 * @param trainingIdentity digest of all that training depends on
 * @param judgingIdentity digest of all that judging depends on
 */
record Task(
        @Nullable ObjectNode spec,
        String base,
        String test,
        @Nullable String references,
        int maxLength,
        int answers,
        int seed,
        int threads,
        String trainingIdentity,
        String judgingIdentity) {
    static final String FILE = "task.json";
    static final String TRAINED = "trained.json";
    static final String JUDGED = "judged.json";

    static Task read(Path folder) {
        return JsonMapper.shared().readValue(folder.resolve(FILE), Task.class);
    }

    /** Where training writes what it made. */
    static Path output(Path folder) {
        return folder.resolve("output");
    }
}
