package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.Refusal;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The keys of a model's configuration, each asked for by the kind it must have. */
record Settings(Path file, JsonNode json) {
    private static final String SERVE_FOLDER = "serve the Hugging Face folder itself instead";
    private static final int HIGHEST = 1 << 30;

    boolean has(String key) {
        return json.hasNonNull(key);
    }

    int positive(String key) {
        JsonNode value = json.path(key);
        if (!value.isIntegralNumber()
                || !value.canConvertToInt()
                || value.intValue() < 1
                || value.intValue() > HIGHEST) {
            throw wrong(key, "it must be a positive whole number");
        }
        return value.intValue();
    }

    int positive(String key, int otherwise) {
        return has(key) ? positive(key) : otherwise;
    }

    double number(String key) {
        JsonNode value = json.path(key);
        if (!value.isNumber() || !Double.isFinite(value.doubleValue()) || value.doubleValue() <= 0) {
            throw wrong(key, "it must be a positive number");
        }
        return value.doubleValue();
    }

    double number(String key, double otherwise) {
        return has(key) ? number(key) : otherwise;
    }

    boolean flag(String key, boolean otherwise) {
        if (has(key) && !json.path(key).isBoolean()) {
            throw wrong(key, "it must be true or false");
        }
        return has(key) ? json.path(key).booleanValue() : otherwise;
    }

    String text(String key, String otherwise) {
        if (has(key) && !json.path(key).isString()) {
            throw wrong(key, "it must be a text");
        }
        return has(key) ? json.path(key).stringValue() : otherwise;
    }

    /** Of an absent key: empty. */
    List<JsonNode> list(String key) {
        if (has(key) && !json.path(key).isArray()) {
            throw wrong(key, "it must be a list");
        }
        return json.path(key).values().stream().toList();
    }

    /** The object under a key, or an empty one, with the same file in its refusals. */
    Settings object(String key) {
        if (has(key) && !json.path(key).isObject()) {
            throw wrong(key, "it must be an object");
        }
        return new Settings(file, json.path(key));
    }

    /** Refuses any other value than {@code only}; an absent key passes. */
    void mustBe(String key, String only, String why) {
        if (!text(key, only).equals(only)) {
            throw inexpressible(key, why);
        }
    }

    void mustBe(String key, boolean only, String why) {
        if (flag(key, only) != only) {
            throw inexpressible(key, why);
        }
    }

    /** The value is no sound one; {@code problem} is a clause without the full stop. */
    InputException wrong(String key, String problem) {
        return refuse(key, problem + "; correct it");
    }

    /** The value is sound, but has no place in the file to be written; {@code why} is a clause without the full stop. */
    InputException inexpressible(String key, String why) {
        return refuse(key, why + "; " + SERVE_FOLDER);
    }

    private InputException refuse(String key, String problem) {
        String value =
                json.path(key).isMissingNode() ? "left out" : json.path(key).toString();
        String shown = value.length() > 60 ? value.substring(0, 59) + "…" : value;
        return Refusal.of(file, "has %s %s, but %s".formatted(Refusal.quoted(key), shown, problem));
    }
}
