package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Tells from its keys what a row is. */
final class RowShape {
    /** Most telling first: published datasets carry spare columns (Alpaca's a "text", pairs a "prompt" and "messages"). */
    private static final List<DataFormat> ORDER = List.of(
            DataFormat.TOKENIZED,
            DataFormat.PREFERENCE,
            DataFormat.CHAT,
            DataFormat.SHAREGPT,
            DataFormat.ALPACA,
            DataFormat.COMPLETION,
            DataFormat.TEXT);

    /** Every key that is read by some format; columns besides these are left alone. */
    static final Set<String> KEYS = Set.of(
            "messages",
            "tools",
            "parallel_tool_calls",
            "conversations",
            "system",
            "history",
            "instruction",
            "input",
            "output",
            "prompt",
            "completion",
            "text",
            "input_ids",
            "labels",
            "chosen",
            "rejected",
            "preferred_output",
            "non_preferred_output");

    private RowShape() {}

    /**
     * The row's format.
     *
     * @param wanted the file's format, or AUTO if no row has told it yet
     * @throws RowException if it is none, or not the one wanted
     */
    static DataFormat of(JsonNode row, DataFormat wanted) {
        if (wanted != DataFormat.AUTO && has(row, wanted)) {
            return wanted;
        }
        DataFormat found = find(row);
        if (found == null) {
            throw unknown(wanted);
        }
        if (wanted != DataFormat.AUTO) {
            throw new RowException(
                    "",
                    "The row is of format %s, but this file's format is %s; keep one format a file."
                            .formatted(found.key(), wanted.key()));
        }
        return found;
    }

    private static @Nullable DataFormat find(JsonNode row) {
        return ORDER.stream().filter(format -> has(row, format)).findFirst().orElse(null);
    }

    /** Whether these keys tell some format; all of them as words if not. */
    static boolean isTold(Set<String> keys) {
        return keys.stream().anyMatch(TELLING::contains);
    }

    private static final Set<String> TELLING = Set.of(
            "messages",
            "conversations",
            "instruction",
            "prompt",
            "completion",
            "text",
            "input_ids",
            "chosen",
            "rejected",
            "preferred_output",
            "non_preferred_output");

    /** One key is enough to tell: what is missing beside it is then said by name. */
    private static boolean has(JsonNode row, DataFormat format) {
        return switch (format) {
            case TOKENIZED -> row.has("input_ids");
            case PREFERENCE -> PreferenceRows.isOne(row);
            case CHAT -> row.has("messages");
            case SHAREGPT -> row.has("conversations");
            case ALPACA -> row.has("instruction");
            case COMPLETION -> row.has("prompt") || row.has("completion");
            case TEXT -> row.has("text");
            case AUTO -> false;
        };
    }

    private static RowException unknown(DataFormat wanted) {
        return wanted == DataFormat.AUTO
                ? new RowException("", "The row has no key that tells its format; write %s.".formatted(known()))
                : new RowException("", "The row lacks %s; add it.".formatted(keysOf(wanted)));
    }

    /** The formats there are, by their keys. */
    static String known() {
        return ORDER.stream().map(format -> "{" + keysOf(format) + "}").collect(Collectors.joining(", or "));
    }

    private static String keysOf(DataFormat format) {
        return switch (format) {
            case TOKENIZED -> "\"input_ids\", \"labels\"";
            case PREFERENCE -> "\"chosen\", \"rejected\"";
            case CHAT -> "\"messages\"";
            case SHAREGPT -> "\"conversations\"";
            case ALPACA -> "\"instruction\", \"output\"";
            case COMPLETION -> "\"prompt\", \"completion\"";
            case TEXT -> "\"text\"";
            case AUTO -> throw new IllegalArgumentException("auto is no row's format");
        };
    }
}
