package dev.lowrank.platform.console;

import dev.lowrank.db.registry.AdapterVersion;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A version of an adapter as the pages show it. */
record VersionView(AdapterVersion version, JsonNode metrics, JsonNode verdict) {
    private static final JsonMapper JSON = new JsonMapper();

    /** One thing that was looked at before the version was registered. */
    record Check(String name, boolean passed, String detail) {}

    static VersionView of(AdapterVersion version) {
        return new VersionView(version, JSON.readTree(version.metrics()), JSON.readTree(version.verdict()));
    }

    public String adapter() {
        return version.adapter();
    }

    public int number() {
        return version.number();
    }

    public String digest() {
        return version.sha256().substring(0, 12);
    }

    public String size() {
        return Words.bytes(version.bytes());
    }

    public String created() {
        return Words.moment(version.createdAt());
    }

    public boolean measured() {
        return metrics.path("held_out").hasNonNull("tuned_loss");
    }

    public String lossBefore() {
        return loss("base_loss");
    }

    public String lossAfter() {
        return loss("tuned_loss");
    }

    private String loss(String name) {
        JsonNode loss = metrics.path("held_out").path(name);
        return Words.loss(loss.isNumber() ? loss.asDouble() : null);
    }

    public boolean judged() {
        return verdict.has("passed");
    }

    public boolean passed() {
        return verdict.path("passed").asBoolean(false);
    }

    public List<Check> checks() {
        return verdict.path("checks")
                .valueStream()
                .map(check -> new Check(
                        check.path("name").asString(""),
                        check.path("passed").asBoolean(false),
                        check.path("detail").asString("")))
                .toList();
    }

    public List<String> loadReport() {
        return verdict.path("load_report")
                .valueStream()
                .map(line -> line.asString(""))
                .toList();
    }
}
