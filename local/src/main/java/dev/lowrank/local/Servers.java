package dev.lowrank.local;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The programs of a platform: which class each runs, and what it is told through its environment. */
record Servers(Installation installation) {
    /** Small pages and JSON: what starts fast and leaves the processors to training serves best. */
    private static final List<String> API_OPTIONS = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx768m");

    /** A job's numbers lie outside of the heap, which so stays near what is in use. */
    private static final List<String> WORKER_OPTIONS = List.of("-XX:+UseSerialGC", "-Xmn16m");

    /** Where the database is. User and password may be null: then they are in the address or the environment. */
    record Database(
            String url, @Nullable String user, @Nullable String password) {}

    JavaProgram api(Database database, PlatformSettings settings) {
        Map<String, String> environment = environment(database, settings.data(), settings.models());
        environment.put("LOWRANK_PORT", Integer.toString(settings.port()));
        return new JavaProgram(
                "api",
                installation,
                Module.PLATFORM_API,
                "dev.lowrank.platform.PlatformApplication",
                API_OPTIONS,
                List.of(),
                environment);
    }

    JavaProgram worker(String name, Database database, PlatformSettings settings) {
        return new JavaProgram(
                name,
                installation,
                Module.NODE,
                "dev.lowrank.node.NodeApplication",
                WORKER_OPTIONS,
                List.of(),
                environment(database, settings.data(), settings.models()));
    }

    private static Map<String, String> environment(Database database, Path data, Path models) {
        Map<String, String> environment = new HashMap<>();
        environment.put("LOWRANK_DATABASE_URL", database.url());
        putIfKnown(environment, "LOWRANK_DATABASE_USER", database.user());
        putIfKnown(environment, "LOWRANK_DATABASE_PASSWORD", database.password());
        environment.put("LOWRANK_DATA", data.toString());
        environment.put("LOWRANK_MODELS", models.toString());
        return environment;
    }

    private static void putIfKnown(Map<String, String> environment, String name, @Nullable String value) {
        if (value != null) {
            environment.put(name, value);
        }
    }
}
