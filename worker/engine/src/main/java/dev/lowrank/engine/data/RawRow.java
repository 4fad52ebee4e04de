package dev.lowrank.engine.data;

import tools.jackson.databind.JsonNode;

/**
 * A row as its file holds it, not yet looked into.
 *
 * @param line where it begins, counted from 1 in the unit of the file's kind
 */
record RawRow(long line, Content content) {
    /** Reads the row. */
    @FunctionalInterface
    interface Content {
        /** @throws RowException if the row cannot be read at all */
        JsonNode read();
    }

    /** A row that is known to be of no use. */
    static RawRow broken(long line, String problem) {
        return new RawRow(line, () -> {
            throw new RowException("", problem);
        });
    }
}
