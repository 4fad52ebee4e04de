package dev.lowrank.platform.jobs;

import dev.lowrank.platform.web.ApiException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's three numbers, from {@code method.supervised} or the older top-level field; null where "auto" or left out. */
record Hyperparameters(
        @Nullable Integer epochs,
        @Nullable Integer batchSize,
        @Nullable Double rateMultiplier) {
    private static final List<String> KNOWN = List.of("batch_size", "learning_rate_multiplier", "n_epochs");

    static Hyperparameters read(JsonNode body) {
        ObjectNode method = JobRequest.section(body, "method");
        String type = method.path("type").asString("supervised");
        if (!type.equals("supervised")) {
            throw ApiException.badRequest(
                    "\"method.type\" is \"%s\", but this server does \"supervised\" fine-tuning only.".formatted(type),
                    "method.type",
                    "unsupported");
        }
        ObjectNode newer = JobRequest.section(JobRequest.section(method, "supervised"), "hyperparameters");
        ObjectNode older = JobRequest.section(body, "hyperparameters");
        ObjectNode from = newer.isEmpty() ? older : newer;
        refuseUnknown(from);
        Double epochs = number(from, "n_epochs", 1, 50);
        Double batch = number(from, "batch_size", 1, 256);
        return new Hyperparameters(
                whole(epochs, "n_epochs"),
                whole(batch, "batch_size"),
                number(from, "learning_rate_multiplier", 1e-6, 1e4));
    }

    private static void refuseUnknown(ObjectNode from) {
        for (String field : from.propertyNames()) {
            if (!KNOWN.contains(field)) {
                throw ApiException.badRequest(
                        "\"%s\" is not a hyperparameter; known are: %s. Everything else goes into \"lowrank\"."
                                .formatted(field, String.join(", ", KNOWN)),
                        "hyperparameters." + field,
                        "unknown_parameter");
            }
        }
    }

    private static @Nullable Double number(JsonNode from, String field, double least, double most) {
        JsonNode value = from.path(field);
        if (value.isMissingNode()
                || value.isNull()
                || value.isString() && value.stringValue().equals("auto")) {
            return null;
        }
        if (!value.isNumber() || value.doubleValue() < least || value.doubleValue() > most) {
            throw ApiException.badRequest(
                    "\"%s\" is %s, but must be \"auto\" or a number between %s and %s."
                            .formatted(field, value, plain(least), plain(most)),
                    "hyperparameters." + field,
                    null);
        }
        return value.doubleValue();
    }

    private static @Nullable Integer whole(@Nullable Double value, String field) {
        if (value == null) {
            return null;
        }
        if (value != Math.rint(value)) {
            throw ApiException.badRequest(
                    "\"%s\" is %s, but must be a whole number.".formatted(field, value),
                    "hyperparameters." + field,
                    null);
        }
        return value.intValue();
    }

    private static String plain(double value) {
        return value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value);
    }
}
