package dev.lowrank.platform.jobs;

import dev.lowrank.platform.web.ApiException;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The body of a create request, field by field. What the contract has and this server does not do is refused, so that
 * nobody believes it happened.
 */
record JobRequest(
        String model,
        String trainingFile,
        @Nullable String validationFile,
        @Nullable String suffix,
        @Nullable Integer seed,
        Hyperparameters hyperparameters,
        @Nullable ObjectNode metadata,
        ObjectNode lowrank) {
    private static final Set<String> KNOWN = new TreeSet<>(Set.of(
            "model",
            "training_file",
            "validation_file",
            "suffix",
            "seed",
            "method",
            "hyperparameters",
            "integrations",
            "metadata",
            "lowrank"));
    private static final Pattern SUFFIX = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final int MOST_PAIRS = 16;

    static JobRequest read(JsonNode body) {
        if (!body.isObject()) {
            throw ApiException.badRequest("The request body must be a JSON object.", null, null);
        }
        for (String field : body.propertyNames()) {
            if (!KNOWN.contains(field)) {
                throw ApiException.badRequest(
                        "\"%s\" is not a field of this request; known are: %s."
                                .formatted(field, String.join(", ", KNOWN)),
                        field,
                        "unknown_parameter");
            }
        }
        refuseIntegrations(body.path("integrations"));
        return new JobRequest(
                required(body, "model"),
                required(body, "training_file"),
                text(body, "validation_file"),
                suffix(body),
                seed(body),
                Hyperparameters.read(body),
                metadata(body),
                section(body, "lowrank"));
    }

    private static String required(JsonNode body, String field) {
        String value = text(body, field);
        if (value == null || value.isBlank()) {
            throw ApiException.badRequest(
                    "\"%s\" is missing; it is required.".formatted(field), field, "missing_required_parameter");
        }
        return value;
    }

    private static @Nullable String text(JsonNode body, String field) {
        JsonNode value = body.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (!value.isString()) {
            throw ApiException.badRequest("\"%s\" must be a string.".formatted(field), field, "invalid_type");
        }
        return value.stringValue();
    }

    private static @Nullable String suffix(JsonNode body) {
        String suffix = text(body, "suffix");
        // It becomes part of the model's name, which stands in addresses.
        if (suffix != null && !SUFFIX.matcher(suffix).matches()) {
            throw ApiException.badRequest(
                    "\"suffix\" must have 1 to 64 characters of a-z, A-Z, 0-9, dot, dash and underscore.",
                    "suffix",
                    "invalid_value");
        }
        return suffix;
    }

    private static @Nullable Integer seed(JsonNode body) {
        JsonNode value = body.path("seed");
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw ApiException.badRequest("\"seed\" must be a whole number.", "seed", "invalid_type");
        }
        return value.intValue();
    }

    static ObjectNode section(JsonNode body, String field) {
        JsonNode value = body.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return JsonNodeFactory.instance.objectNode();
        }
        if (!value.isObject()) {
            throw ApiException.badRequest("\"%s\" must be an object.".formatted(field), field, "invalid_type");
        }
        return (ObjectNode) value;
    }

    private static void refuseIntegrations(JsonNode integrations) {
        if (!integrations.isMissingNode() && !integrations.isNull() && !integrations.isEmpty()) {
            throw ApiException.badRequest(
                    "\"integrations\" are not supported by this server; leave them out and read the metrics here.",
                    "integrations",
                    "unsupported");
        }
    }

    private static @Nullable ObjectNode metadata(JsonNode body) {
        JsonNode value = body.path("metadata");
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        boolean fits = value.isObject()
                && value.size() <= MOST_PAIRS
                && value.propertyStream()
                        .allMatch(pair -> pair.getKey().length() <= 64
                                && pair.getValue().isString()
                                && pair.getValue().stringValue().length() <= 512);
        if (!fits) {
            throw ApiException.badRequest(
                    "\"metadata\" must be an object of at most 16 strings, keys up to 64 and values up to 512 characters.",
                    "metadata",
                    null);
        }
        return (ObjectNode) value;
    }
}
