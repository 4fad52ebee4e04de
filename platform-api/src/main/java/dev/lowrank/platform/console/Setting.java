package dev.lowrank.platform.console;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One value a job runs with.
 *
 * @param name dotted, such as {@code training.learning_rate}
 * @param given whether the client chose it
 * @param reason why it is what it is
 */
record Setting(String name, String value, boolean given, String reason) {
    private static final JsonMapper JSON = new JsonMapper();

    /** All values of a spec, what stands in no section first, with the reasons of those the client left out. */
    static List<Setting> of(String spec, String resolutions) {
        Map<String, String> reasons = JSON.readTree(resolutions)
                .valueStream()
                .filter(resolution -> resolution.hasNonNull("field"))
                .collect(Collectors.toMap(
                        resolution -> resolution.path("field").asString(),
                        resolution -> resolution.path("reason").asString(""),
                        (first, second) -> first));
        List<Setting> settings = new ArrayList<>();
        flatten("", JSON.readTree(spec), reasons, settings);
        settings.sort(Comparator.comparing((Setting setting) -> setting.name.contains("."))
                .thenComparing(Setting::name));
        return settings;
    }

    private static void flatten(String name, JsonNode node, Map<String, String> reasons, List<Setting> settings) {
        if (node.isObject()) {
            node.properties()
                    .forEach(entry -> flatten(
                            name.isEmpty() ? entry.getKey() : name + "." + entry.getKey(),
                            entry.getValue(),
                            reasons,
                            settings));
        } else {
            String reason = reasons.get(name);
            settings.add(
                    new Setting(name, text(node), reason == null, reason == null ? "chosen for this job" : reason));
        }
    }

    private static String text(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> node.valueStream().map(Setting::text).collect(Collectors.joining(", "));
            case STRING -> node.asString();
            case NUMBER -> number(node.decimalValue());
            default -> node.toString();
        };
    }

    // As a person writes it: 0.0002, but 1E-8.
    private static String number(BigDecimal value) {
        BigDecimal shortest = value.stripTrailingZeros();
        return shortest.scale() > 6 ? shortest.toString() : shortest.toPlainString();
    }

    /** The pairs of a flat JSON object, such as a job's metadata. */
    static Map<String, String> pairs(String object) {
        return JSON.readTree(object).properties().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, entry -> text(entry.getValue()), (a, b) -> a, LinkedHashMap::new));
    }
}
