package dev.lowrank.platform.console;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.db.TestRows;
import dev.lowrank.db.access.ApiKeys;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.servlet.mvc.method.RequestMappingInfo;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

class SignInTest {
    private static final RunningConsole CONSOLE = RunningConsole.INSTANCE;

    @Test
    void aWrongKeyIsToldNothingButThat() {
        String unknown = "lr_nobodysownk1_" + "x".repeat(43);
        for (String wrong : new String[] {"", "nonsense", unknown, CONSOLE.key + "x"}) {
            Visitor visitor = CONSOLE.stranger();

            HttpResponse<String> answer = visitor.signIn(wrong);

            assertThat(answer.statusCode()).isEqualTo(302);
            assertThat(answer.headers().firstValue("Location"))
                    .hasValueSatisfying(l -> assertThat(l).endsWith("/console/login?wrong"));
            assertThat(visitor.get("/console/login?wrong").body()).contains("This key is not valid.");
            assertThat(visitor.get("/console").statusCode()).isEqualTo(302);
        }
    }

    @Test
    void aValidKeySignsInUnderANewSessionThatOnlyThisSiteSends() {
        Visitor visitor = CONSOLE.stranger();
        HttpResponse<String> form = visitor.get("/console/login");
        String before = visitor.session();

        HttpResponse<String> answer = visitor.signIn(CONSOLE.key);

        assertThat(Visitor.location(answer)).isEqualTo("/console");
        assertThat(visitor.session()).isNotEmpty().isNotEqualTo(before);
        assertThat(form.headers().firstValue("Set-Cookie"))
                .hasValueSatisfying(
                        cookie -> assertThat(cookie).contains("HttpOnly", "SameSite=Strict", "Path=/console"));
        assertThat(answer.headers().firstValue("Set-Cookie"))
                .hasValueSatisfying(cookie -> assertThat(cookie).contains("HttpOnly", "SameSite=Strict"));
        assertThat(visitor.get("/console").statusCode()).isEqualTo(200);
    }

    @Test
    void afterSigningInTheWantedPageOpens() {
        Visitor visitor = CONSOLE.stranger();
        visitor.get("/console/adapters", "Accept", "text/html");

        assertThat(Visitor.location(visitor.signIn(CONSOLE.key))).isEqualTo("/console/adapters");
    }

    @Test
    void signingOutEndsTheSession() {
        Visitor visitor = CONSOLE.signedIn();

        HttpResponse<String> answer = visitor.submit("/console", "/console/logout", Map.of());

        assertThat(Visitor.location(answer)).isEqualTo("/console/login");
        assertThat(visitor.get("/console").statusCode()).isEqualTo(302);
    }

    @Test
    void aRevokedKeyEndsItsSessions() {
        String key = "lr_torevoke0001_" + "r".repeat(43);
        String id = CONSOLE.addKey(TestRows.PROJECT, key);
        Visitor visitor = CONSOLE.stranger();
        visitor.signIn(key);
        assertThat(visitor.get("/console").statusCode()).isEqualTo(200);

        CONSOLE.context.getBean(ApiKeys.class).revoke(id);

        assertThat(visitor.get("/console").statusCode()).isEqualTo(302);
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyPageSendsAStrangerToTheForm(String page) {
        HttpResponse<String> answer = CONSOLE.stranger().get(page, "Accept", "text/html");

        assertThat(answer.statusCode()).isEqualTo(302);
        assertThat(Visitor.location(answer)).isEqualTo("/console/login");
    }

    @ParameterizedTest
    @MethodSource("pages")
    void aScriptWithoutASessionIsToldSo(String page) {
        assertThat(CONSOLE.stranger().get(page, "Accept", "application/json").statusCode())
                .isEqualTo(401);
    }

    @ParameterizedTest
    @MethodSource("actions")
    void aFormWithoutItsTokenIsRefused(String action) {
        HttpResponse<String> answer = CONSOLE.signedIn().post(action, Map.of());

        assertThat(answer.statusCode()).isEqualTo(403);
        assertThat(answer.body()).contains("out of date or did not come from the console");
    }

    @Test
    void theBearerOfAKeyIsNoVisitorOfTheConsole() {
        assertThat(CONSOLE.stranger()
                        .get("/console", "Authorization", "Bearer " + CONSOLE.key)
                        .statusCode())
                .isEqualTo(302);
    }

    @Test
    void everyAnswerTellsTheBrowserWhatItMayDo() {
        for (String page :
                new String[] {"/console/login", "/console", "/console/assets/console.css", "/console/nowhere"}) {
            var headers = CONSOLE.signedIn().get(page).headers();

            assertThat(headers.firstValue("Content-Security-Policy"))
                    .hasValueSatisfying(policy -> assertThat(policy)
                            .contains("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
                            .doesNotContain("unsafe"));
            assertThat(headers.firstValue("X-Frame-Options")).hasValue("DENY");
            assertThat(headers.firstValue("X-Content-Type-Options")).hasValue("nosniff");
            assertThat(headers.firstValue("Referrer-Policy")).hasValue("no-referrer");
        }
    }

    static Stream<String> pages() {
        return addresses(RequestMethod.GET).filter(path -> !path.equals("/console/login"));
    }

    static Stream<String> actions() {
        return Stream.concat(addresses(RequestMethod.POST), Stream.of("/console/login", "/console/logout"));
    }

    /** Every address of the console, from the server itself, so that none can be forgotten. */
    private static Stream<String> addresses(RequestMethod method) {
        return CONSOLE
                .context
                .getBean("requestMappingHandlerMapping", RequestMappingHandlerMapping.class)
                .getHandlerMethods()
                .keySet()
                .stream()
                .filter(mapping -> mapping.getMethodsCondition().getMethods().contains(method))
                .map(RequestMappingInfo::getPatternValues)
                .flatMap(patterns -> patterns.stream())
                .filter(path -> path.startsWith("/console"))
                .map(path -> path.replaceAll("\\{[^}]+}", "1"))
                .sorted();
    }
}
