package dev.lowrank.platform.registry;

import dev.lowrank.platform.contract.ApiException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** How long a link shall be good: from a minute to a week, an hour if nobody says. */
final class LinkLife {
    private static final String FIELD = "expires_in_seconds";
    private static final Duration DEFAULT = Duration.ofHours(1);
    private static final Duration SHORTEST = Duration.ofMinutes(1);
    private static final Duration LONGEST = Duration.ofDays(7);

    private LinkLife() {}

    static Duration read(@Nullable JsonNode body) {
        if (body == null || body.isNull()) {
            return DEFAULT;
        }
        if (!body.isObject()) {
            throw ApiException.invalid("invalid_json", null, "The body must be a JSON object, or be left out.");
        }
        for (String field : body.propertyNames()) {
            if (!field.equals(FIELD)) {
                throw ApiException.invalid(
                        "unknown_parameter",
                        field,
                        "\"%s\" is not a known setting; known here is %s.".formatted(field, FIELD));
            }
        }
        JsonNode seconds = body.get(FIELD);
        return seconds == null || seconds.isNull() ? DEFAULT : checked(seconds);
    }

    private static Duration checked(JsonNode seconds) {
        if (seconds.isIntegralNumber() && seconds.canConvertToInt()) {
            Duration life = Duration.ofSeconds(seconds.intValue());
            if (life.compareTo(SHORTEST) >= 0 && life.compareTo(LONGEST) <= 0) {
                return life;
            }
        }
        throw ApiException.invalidValue(
                FIELD,
                "\"%s\" must be a whole number between %d and %d."
                        .formatted(FIELD, SHORTEST.toSeconds(), LONGEST.toSeconds()));
    }
}
