package dev.lowrank.platform.jobs;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The filter of a job list: {@code metadata[k]=v} for jobs with such a pair, {@code metadata=null} for jobs without any.
 *
 * @param pairs JSON object of the pairs, or null for no filter
 */
record MetadataFilter(@Nullable String pairs, boolean none) {
    private static final String OPEN = "metadata[";

    static MetadataFilter read(Map<String, String[]> parameters) {
        ObjectNode pairs = JsonNodeFactory.instance.objectNode();
        parameters.forEach((name, values) -> {
            if (name.startsWith(OPEN) && name.endsWith("]")) {
                pairs.put(name.substring(OPEN.length(), name.length() - 1), values[0]);
            }
        });
        String[] whole = parameters.get("metadata");
        return new MetadataFilter(pairs.isEmpty() ? null : pairs.toString(), whole != null && whole[0].equals("null"));
    }
}
