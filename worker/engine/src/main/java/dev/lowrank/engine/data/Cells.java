package dev.lowrank.engine.data;

import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.StringNode;

/** Cells of tables: text, or the JSON in it where a column holds lists. */
final class Cells {
    /** Columns that no bare text could fill: they hold JSON. */
    private static final Set<String> JSON = Set.of(
            "messages",
            "conversations",
            "tools",
            "parallel_tool_calls",
            "history",
            "input_ids",
            "labels",
            "preferred_output",
            "non_preferred_output");
    /** Columns that hold text, or JSON where a cell is a whole list of messages or an object of them. */
    private static final Set<String> EITHER = Set.of("prompt", "chosen", "rejected", "input");

    private Cells() {}

    /** What a cell of text says; null for an empty one that should hold a list. */
    static @Nullable JsonNode read(String column, String cell) {
        if (JSON.contains(column)) {
            return cell.isBlank() ? null : json(column, cell);
        }
        boolean maybe = EITHER.contains(column) && (cell.startsWith("[") || cell.startsWith("{"));
        JsonNode value = maybe ? JsonText.readQuietly(cell) : null;
        return value != null && isMeant(value) ? value : StringNode.valueOf(cell);
    }

    private static boolean isMeant(JsonNode value) {
        return value.isArray() ? value.path(0).has("role") : value.has("input_ids") || value.has("messages");
    }

    private static JsonNode json(String column, String cell) {
        JsonNode value = JsonText.readQuietly(cell);
        if (value == null) {
            throw new RowException(
                    column,
                    "is not JSON; write the list as JSON in this cell%s."
                            .formatted(cell.contains("'") ? " (with double quotes, not as Python prints it)" : ""));
        }
        return value;
    }
}
