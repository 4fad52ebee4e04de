package dev.lowrank.platform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.platform.RunningApi.Answer;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ErrorShapeTest {
    private static final String JOBS = "/v1/fine_tuning/jobs";

    private final RunningApi api = RunningApi.get();

    static void assertShape(Answer answer) {
        assertThat(answer.header("content-type")).startsWith("application/json");
        assertShape(answer.json());
    }

    private static void assertShape(JsonNode body) {
        assertThat(body.propertyNames()).containsExactly("error");
        JsonNode error = body.get("error");
        assertThat(error.propertyNames()).containsExactlyInAnyOrder("message", "type", "param", "code");
        assertThat(error.get("message").asString()).isNotBlank().doesNotContain("Exception", "dev.lowrank", "org.");
        assertThat(error.get("type").asString()).isIn("invalid_request_error", "server_error");
    }

    private static void assertError(Answer answer, int status, String code) {
        assertThat(answer.status()).as(answer.text()).isEqualTo(status);
        assertShape(answer);
        assertThat(answer.error().get("code").asString()).isEqualTo(code);
        assertThat(answer.header("x-request-id")).isNotEmpty();
        assertThat(answer.header("x-should-retry")).isEqualTo("false");
    }

    @Test
    void unknownAddress() {
        assertError(api.get("/v1/nothing"), 404, "unknown_url");
    }

    @Test
    void wrongMethodNamesTheRightOnes() {
        Answer answer = api.delete(JOBS);
        assertError(answer, 405, "method_not_supported");
        assertThat(answer.header("allow")).contains("GET", "POST");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[1,", "nul", "{\"model\": \"a\"} x", "{\"model\": \"a\", \"model\": \"b\"}"})
    void malformedJson(String body) {
        Answer answer = api.post(JOBS, body);
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "3", "\"text\"", "null"})
    void jsonThatIsNoObject(String body) {
        Answer answer = api.post(JOBS, body);
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
    }

    @Test
    void deepJson() {
        Answer answer = api.post(JOBS, "{\"metadata\":".repeat(40) + "1" + "}".repeat(40));
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
    }

    @Test
    void longJson() {
        String body = "{\"metadata\": {"
                + "\"k\": \"%s\",".formatted("v".repeat(900_000)).repeat(3) + "\"z\": \"\"}}";
        Answer answer = api.post(JOBS, body.replaceFirst("\"k\"", "\"a\"").replaceFirst("\"k\"", "\"b\""));
        assertError(answer, 413, "request_too_large");
    }

    @Test
    void wrongContentType() {
        Answer answer = api.send(
                api.withKey(JOBS).header("Content-Type", "text/plain").POST(BodyPublishers.ofString("model=x")));
        assertError(answer, 415, "unsupported_media_type");
        assertError(api.post("/v1/files", "{}"), 415, "unsupported_media_type");
    }

    @Test
    void brokenMultipart() {
        Answer answer = api.send(api.withKey("/v1/files")
                .header("Content-Type", "multipart/form-data; boundary=x")
                .POST(BodyPublishers.ofString("no boundary here")));
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
    }

    @Test
    void multipartWithoutABoundary() {
        Answer answer = api.send(api.withKey("/v1/files")
                .header("Content-Type", "multipart/form-data")
                .POST(BodyPublishers.ofString("x")));
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
    }

    @Test
    void aNumberThatIsNone() {
        Answer answer = api.get(JOBS + "?limit=many");
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
        assertThat(answer.error().get("param").asString()).isEqualTo("limit");
        assertThat(api.get(JOBS + "?limit=0").error().get("param").asString()).isEqualTo("limit");
    }

    @Test
    void anUnreadableAcceptHeaderDoesNotHideTheAnswer() {
        Answer answer = api.send(api.withKey("/v1/files/file-none/content").header("Accept", "application/binary"));
        assertError(answer, 404, "not_found");
        assertThat(api.send(api.withKey("/v1/models").header("Accept", "text/csv"))
                        .status())
                .isEqualTo(200);
    }

    @Test
    void aCharacterThatCannotBeStored() {
        assertError(api.get(JOBS + "?after=%00"), 400, "invalid_value");
    }

    @Test
    void aPathTheFirewallRefuses() {
        Answer answer = api.get("/v1/files/a%2F..%2Fb");
        assertThat(answer.status()).isEqualTo(400);
        assertShape(answer);
        assertThat(answer.header("x-request-id")).isNotEmpty();
        Answer second = api.get("/v1/files/a%3Bb%25");
        assertThat(second.status()).isEqualTo(400);
        assertShape(second);
    }

    @Test
    void theErrorPageItselfIsNotThere() {
        assertThat(api.get("/error").status()).isEqualTo(404);
        assertShape(api.get("/error"));
    }

    @Test
    void theActuatorIsNotThere() {
        assertError(api.get("/actuator"), 404, "unknown_url");
        assertError(api.get("/actuator/health"), 404, "unknown_url");
    }

    @Test
    void aRequestThatTomcatCannotRead() throws IOException {
        String answer = api.exchange("GET /v1/<> HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assertThat(answer).startsWith("HTTP/1.1 400").contains("x-request-id: req_");
        assertShape(JsonMapper.shared().readTree(answer.substring(answer.indexOf('{'), answer.lastIndexOf('}') + 1)));
    }

    @Test
    void probesAnswerWithoutAKeyAndSayNothingElse() {
        for (String probe : new String[] {"/livez", "/readyz"}) {
            Answer answer = api.send(api.request(probe));
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.text()).isEqualTo("{\"status\":\"UP\"}");
        }
    }
}
