package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Tells from its keys what a row is, and what to do with rows made for other tools. */
final class RowShape {
    private static final String KNOWN =
            "{\"messages\"}, {\"prompt\", \"completion\"}, {\"text\"} or" + " {\"input_ids\", \"labels\"}";

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
            throw foreign(row, wanted);
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
        for (DataFormat format :
                List.of(DataFormat.TOKENIZED, DataFormat.CHAT, DataFormat.COMPLETION, DataFormat.TEXT)) {
            if (has(row, format)) {
                return format;
            }
        }
        return null;
    }

    /** One key is enough to tell: what is missing beside it is then said by name. */
    private static boolean has(JsonNode row, DataFormat format) {
        return switch (format) {
            case TOKENIZED -> row.has("input_ids");
            case CHAT -> row.has("messages");
            case COMPLETION -> row.has("prompt") || row.has("completion");
            case TEXT -> row.has("text");
            case AUTO -> false;
        };
    }

    private static RowException foreign(JsonNode row, DataFormat wanted) {
        if (row.has("conversations")) {
            return new RowException(
                    "conversations",
                    "is ShareGPT's form; rename it to \"messages\", \"from\" to \"role\" (human to user, gpt to assistant)"
                            + " and \"value\" to \"content\".");
        }
        if (row.has("instruction")) {
            return new RowException(
                    "instruction",
                    "is Alpaca's form; write {\"messages\": [{\"role\": \"user\", \"content\": instruction and input},"
                            + " {\"role\": \"assistant\", \"content\": output}]}.");
        }
        if (row.has("preferred_output") || row.has("chosen")) {
            return new RowException(
                    row.has("chosen") ? "chosen" : "preferred_output",
                    "belongs to preference rows, which are not trained on here; write the preferred answer as an assistant"
                            + " message in \"messages\".");
        }
        return wanted == DataFormat.AUTO
                ? new RowException("", "The row has no key that tells its format; write " + KNOWN + ".")
                : new RowException("", "The row lacks %s; add it.".formatted(keyOf(wanted)));
    }

    private static String keyOf(DataFormat format) {
        return switch (format) {
            case TOKENIZED -> "\"input_ids\" and \"labels\"";
            case CHAT -> "\"messages\"";
            case COMPLETION -> "\"prompt\" and \"completion\"";
            case TEXT -> "\"text\"";
            case AUTO -> KNOWN;
        };
    }
}
