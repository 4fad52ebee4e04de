package dev.lowrank.engine.data;

import tools.jackson.databind.JsonNode;

/** Reads the rows that are not conversations. */
final class PlainRows {
    private PlainRows() {}

    static Row.Completion completion(JsonNode row) {
        String prompt = text(row, "prompt");
        String completion = text(row, "completion");
        if (completion.isEmpty()) {
            throw new RowException("completion", "is empty, so there is nothing to learn; write it or drop the row.");
        }
        return new Row.Completion(prompt, completion);
    }

    static Row.Text text(JsonNode row) {
        String text = text(row, "text");
        if (text.isEmpty()) {
            throw new RowException("text", "is empty, so there is nothing to learn; write it or drop the row.");
        }
        return new Row.Text(text);
    }

    static Row.Tokenized tokenized(JsonNode row) {
        int[] ids = ids(row, "input_ids", 0);
        int[] labels = ids(row, "labels", Example.IGNORED);
        if (ids.length != labels.length) {
            throw new RowException(
                    "labels",
                    "has %d entries, but input_ids has %d; give each token one label (-100 for none)."
                            .formatted(labels.length, ids.length));
        }
        return new Row.Tokenized(ids, labels);
    }

    static String text(JsonNode row, String field) {
        JsonNode value = row.get(field);
        if (value == null) {
            throw new RowException(field, "is missing; add it as a string.");
        }
        if (!value.isString()) {
            throw new RowException(field, "is %s; write a string.".formatted(Values.kind(value)));
        }
        return value.stringValue();
    }

    private static int[] ids(JsonNode row, String field, int besides) {
        JsonNode value = row.get(field);
        if (value == null || !value.isArray()) {
            throw new RowException(
                    field,
                    "is %s; write a list of token ids.".formatted(value == null ? "missing" : Values.kind(value)));
        }
        int[] ids = new int[value.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = value.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || (id.intValue() < 0 && id.intValue() != besides)) {
                throw new RowException(
                        "%s[%d]".formatted(field, i),
                        "is %s; write a token id%s."
                                .formatted(Values.shown(id), besides < 0 ? ", or -100 for no loss" : ""));
            }
            ids[i] = id.intValue();
        }
        return ids;
    }
}
