package dev.lowrank.engine.data;

import tools.jackson.databind.JsonNode;

/** Checks the characters of texts: those no tokenizer and no database can hold. */
final class Texts {
    private Texts() {}

    /** @throws RowException naming the first field whose text (or name) holds such a character */
    static void check(String path, JsonNode node) {
        if (node.isString()) {
            checkText(path, node.stringValue());
        } else if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                if (!node.get(i).isNumber()) {
                    check(path + "[" + i + "]", node.get(i));
                }
            }
        } else if (node.isObject()) {
            node.forEachEntry((name, value) -> {
                checkText(path, name);
                check(path.isEmpty() ? name : path + "." + name, value);
            });
        }
    }

    private static void checkText(String path, String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == 0) {
                throw new RowException(path, "holds a NUL character (\\u0000); remove it.");
            }
            if (Character.isSurrogate(c)) {
                if (!Character.isHighSurrogate(c)
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    throw new RowException(
                            path, "holds half of a surrogate pair (\\ud800 to \\udfff alone); remove it.");
                }
                i++;
            }
        }
    }
}
