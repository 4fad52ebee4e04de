package dev.lowrank.platform;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/** Every route there is, as the server itself knows them: listed here, and shut without a key. */
class RoutesTest {
    private static final String CONSOLE = "dev.lowrank.platform.console";
    private static final Set<String> OPEN = Set.of("* /error", "GET /d/{name}/{number}/{sha256}");
    private static final Set<String> BY_KEY = Set.of(
            "DELETE /v1/files/{id}",
            "DELETE /v1/models/{id}",
            "GET /v1/adapters",
            "GET /v1/adapters/{name}",
            "GET /v1/adapters/{name}/versions",
            "GET /v1/adapters/{name}/versions/{number}",
            "GET /v1/files",
            "GET /v1/files/{id}",
            "GET /v1/files/{id}/content",
            "GET /v1/fine_tuning/jobs",
            "GET /v1/fine_tuning/jobs/{id}",
            "GET /v1/fine_tuning/jobs/{id}/checkpoints",
            "GET /v1/fine_tuning/jobs/{id}/events",
            "GET /v1/fine_tuning/jobs/{id}/metrics",
            "GET /v1/models",
            "GET /v1/models/{id}",
            "GET /v1/workers",
            "POST /v1/adapters/{name}/versions/{number}/links",
            "POST /v1/files",
            "POST /v1/fine_tuning/jobs",
            "POST /v1/fine_tuning/jobs/{id}/cancel",
            "POST /v1/fine_tuning/jobs/{id}/pause",
            "POST /v1/fine_tuning/jobs/{id}/resume");

    private final RunningApi api = RunningApi.get();

    /** "METHOD pattern" of each handler outside the console, whose routes its own tests list. */
    static Stream<String> routes() {
        RequestMappingHandlerMapping mappings =
                RunningApi.get().context.getBean("requestMappingHandlerMapping", RequestMappingHandlerMapping.class);
        Set<String> routes = new TreeSet<>();
        mappings.getHandlerMethods().forEach((mapping, handler) -> {
            if (!handler.getBeanType().getPackageName().startsWith(CONSOLE)) {
                Set<RequestMethod> methods = mapping.getMethodsCondition().getMethods();
                for (String pattern : mapping.getPatternValues()) {
                    methods.forEach(method -> routes.add(method + " " + pattern));
                    if (methods.isEmpty()) {
                        routes.add("* " + pattern);
                    }
                }
            }
        });
        return routes.stream();
    }

    static Stream<String> routesByKey() {
        return routes().filter(route -> !OPEN.contains(route));
    }

    @Test
    void everyRouteIsListedHere() {
        Set<String> listed = new TreeSet<>(BY_KEY);
        listed.addAll(OPEN);
        assertThat(routes()).containsExactlyInAnyOrderElementsOf(listed);
    }

    @ParameterizedTest
    @MethodSource("routesByKey")
    void needsAKey(String route) {
        assertRefused(send(route, null));
    }

    @ParameterizedTest
    @MethodSource("routesByKey")
    void refusesAWrongKey(String route) {
        char last = api.key.charAt(api.key.length() - 1);
        String wrong = api.key.substring(0, api.key.length() - 1) + (last == 'a' ? 'b' : 'a');
        assertRefused(send(route, "Bearer " + wrong));
        assertRefused(send(route, "Basic " + api.key));
    }

    @Test
    void refusesARevokedKey() {
        String key = api.newKey("revoked");
        assertThat(api.send(api.request("/v1/models").header("Authorization", "Bearer " + key))
                        .status())
                .isEqualTo(200);
        api.jdbc()
                .sql("update api_key set revoked_at = now() where name = 'revoked'")
                .update();
        assertRefused(api.send(api.request("/v1/models").header("Authorization", "Bearer " + key)));
    }

    @Test
    void anUnknownAddressIsShutToo() {
        assertRefused(send("GET /v1/nothing", null));
        assertRefused(send("GET /nothing", null));
    }

    @Test
    void anotherProjectSeesNothing() {
        String file = api.dataset();
        String job = api.job("");
        String stranger = "Bearer " + api.newKey("stranger");
        for (String path : new String[] {
            "/v1/files/" + file,
            "/v1/files/" + file + "/content",
            "/v1/fine_tuning/jobs/" + job,
            "/v1/fine_tuning/jobs/" + job + "/events",
            "/v1/fine_tuning/jobs/" + job + "/metrics"
        }) {
            assertThat(send("GET " + path, stranger).status()).as(path).isEqualTo(404);
        }
        assertThat(send("POST /v1/fine_tuning/jobs/" + job + "/cancel", stranger)
                        .status())
                .isEqualTo(404);
        assertThat(send("DELETE /v1/files/" + file, stranger).status()).isEqualTo(404);
        assertThat(send("GET /v1/fine_tuning/jobs?after=" + job, stranger)
                        .json()
                        .get("data"))
                .isEmpty();
        assertThat(send("GET /v1/files", stranger).json().get("data")).isEmpty();
    }

    private RunningApi.Answer send(String route, String authorization) {
        String[] parts = route.split(" ");
        String path = parts[1].replaceAll("\\{number}", "1").replaceAll("\\{\\w+}", "x");
        HttpRequest.Builder request = api.request(path).method(parts[0], HttpRequest.BodyPublishers.noBody());
        return api.send(authorization == null ? request : request.header("Authorization", authorization));
    }

    private static void assertRefused(RunningApi.Answer answer) {
        assertThat(answer.status()).isEqualTo(401);
        assertThat(answer.error().get("code").asString()).isEqualTo("invalid_api_key");
        assertThat(answer.header("x-request-id")).isNotEmpty();
        ErrorShapeTest.assertShape(answer);
    }
}
