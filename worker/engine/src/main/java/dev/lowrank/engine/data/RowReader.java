package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import tools.jackson.databind.JsonNode;

/** Checks rows, one after another; the first one it can tell settles the format of all. */
final class RowReader {
    private DataFormat format;

    RowReader(DataFormat format) {
        this.format = format;
    }

    /** What the rows are; {@link DataFormat#AUTO} until a row has told. */
    DataFormat format() {
        return format;
    }

    /** @throws RowException if it is no sound row of the file's format */
    Row read(RawRow raw) {
        return read(raw.content().read());
    }

    private Row read(JsonNode node) {
        if (!node.isObject()) {
            throw new RowException(
                    "",
                    "The row is %s, not a JSON object; write one object a row, with a key for each field."
                            .formatted(Values.kind(node)));
        }
        Texts.check("", node);
        DataFormat shape = RowShape.of(node, format);
        if (format == DataFormat.AUTO) {
            format = shape;
        }
        return switch (shape) {
            case CHAT -> ChatRows.read(node);
            case COMPLETION -> PlainRows.completion(node);
            case TEXT -> PlainRows.text(node);
            case TOKENIZED -> PlainRows.tokenized(node);
            case ALPACA -> AlpacaRows.read(node);
            case SHAREGPT -> ShareGptRows.read(node);
            case PREFERENCE -> PreferenceRows.read(node);
            case AUTO -> throw new IllegalStateException("a row's own format is never auto");
        };
    }
}
