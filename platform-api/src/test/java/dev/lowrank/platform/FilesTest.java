package dev.lowrank.platform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.platform.RunningApi.Answer;
import java.net.http.HttpRequest.BodyPublishers;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

class FilesTest {
    private static final String GOOD = RunningApi.rows(1).strip();

    private final RunningApi api = RunningApi.get();

    @Test
    void anUploadedFileHasTheContractsShape() {
        String content = RunningApi.rows(3);
        JsonNode file = api.upload("my rows.jsonl", content).json();
        assertThat(file.get("id").asString()).startsWith("file-");
        assertThat(file.get("object").asString()).isEqualTo("file");
        assertThat(file.get("bytes").asInt()).isEqualTo(content.length());
        assertThat(file.get("filename").asString()).isEqualTo("my rows.jsonl");
        assertThat(file.get("purpose").asString()).isEqualTo("fine-tune");
        assertThat(file.get("status").asString()).isEqualTo("processed");
        assertThat(file.get("created_at").isIntegralNumber()).isTrue();
        assertThat(file.get("created_at").asLong()).isBetween(1_700_000_000L, 10_000_000_000L);
        assertThat(file.get("format").asString()).isEqualTo("chat");
        assertThat(file.get("examples").asInt()).isEqualTo(3);
        assertThat(api.get("/v1/files/" + file.get("id").asString()).json()).isEqualTo(file);
    }

    static Stream<Arguments> datasets() {
        return Stream.of(
                Arguments.of("rows.csv", "instruction,output\nSay it.,tide\n", "alpaca"),
                Arguments.of("rows.json", """
                        [{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}]
                        """, "sharegpt"),
                Arguments.of("rows.jsonl", """
                        {"prompt": "a", "chosen": "b", "rejected": "c"}
                        """, "preference"));
    }

    @ParameterizedTest
    @MethodSource("datasets")
    void datasetsOfEveryFormatAreTaken(String name, String content, String format) {
        JsonNode file = api.upload(name, content).json();
        assertThat(file.get("format").asString()).isEqualTo(format);
        assertThat(file.get("examples").asInt()).isEqualTo(1);
    }

    @Test
    void aPathInTheNameIsDropped() {
        String name =
                api.upload("../../etc/rows.jsonl", GOOD).json().get("filename").asString();
        assertThat(name).isEqualTo("rows.jsonl");
    }

    @Test
    void contentComesBackToAnyAcceptHeader() {
        String content = RunningApi.rows(2);
        String id = api.upload("rows.jsonl", content).json().get("id").asString();
        Answer answer =
                api.send(api.withKey("/v1/files/%s/content".formatted(id)).header("Accept", "application/binary"));
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.text()).isEqualTo(content);
        assertThat(answer.header("content-disposition")).startsWith("attachment");
        assertThat(answer.header("x-content-type-options")).isEqualTo("nosniff");
        Answer part = api.send(api.withKey("/v1/files/%s/content".formatted(id)).header("Range", "bytes=2-5"));
        assertThat(part.status()).isEqualTo(206);
        assertThat(part.text()).isEqualTo(content.substring(2, 6));
    }

    @Test
    void problemsAreToldByLineFieldAndRemedyAndNothingIsStored() {
        long before = rows();
        List<String> lines = new ArrayList<>();
        for (int i = 1; i <= 30; i++) {
            lines.add(i % 2 == 1 ? GOOD : "{\"messages\": [{\"role\": \"robot\", \"content\": \"x\"}]}");
        }
        Answer answer = api.upload("bad.jsonl", String.join("\n", lines));
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.error().get("code").asString()).isEqualTo("invalid_file_format");
        assertThat(answer.error().get("param").asString()).isEqualTo("file");
        assertThat(answer.error().get("message").asString())
                .contains("Line 2:", "Line 4:", "messages[0].role", "5 more")
                .doesNotContain("Line 1:", "Line 3:", "Line 30:");
        assertThat(rows()).isEqualTo(before);
    }

    @Test
    void brokenJsonIsToldByLine() {
        String message = api.upload("bad.jsonl", GOOD + "\n{\"messages\": [\n")
                .error()
                .get("message")
                .asString();
        assertThat(message).contains("Line 2:");
    }

    @Test
    void anEmptyFileIsRefused() {
        assertThat(api.upload("empty.jsonl", "").error().get("code").asString()).isEqualTo("invalid_file_format");
    }

    private long rows() {
        return api.jdbc()
                .sql("select (select count(*) from file) + (select count(*) from blob)")
                .query(Long.class)
                .single();
    }

    @Test
    void otherPurposesAreRefused() {
        Answer answer = api.upload("rows.jsonl", GOOD, "assistants");
        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.error().get("param").asString()).isEqualTo("purpose");
    }

    @Test
    void missingPartsAreNamed() {
        Answer noFile = multipart("purpose", "fine-tune");
        assertThat(noFile.status()).isEqualTo(400);
        assertThat(noFile.error().get("param").asString()).isEqualTo("file");
        Answer nothing = multipart("other", "x");
        assertThat(nothing.error().get("param").asString()).isIn("file", "purpose");
    }

    @Test
    void tooLargeAnUploadIsRefused() {
        Answer answer = api.upload("large.jsonl", "x".repeat((int) RunningApi.UPLOAD_LIMIT + 1));
        assertThat(answer.status()).isEqualTo(413);
        assertThat(answer.error().get("code").asString()).isEqualTo("file_too_large");
        ErrorShapeTest.assertShape(answer);
    }

    private Answer multipart(String name, String value) {
        String body =
                "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n--b--\r\n".formatted(name, value);
        return api.send(api.withKey("/v1/files")
                .header("Content-Type", "multipart/form-data; boundary=b")
                .POST(BodyPublishers.ofString(body)));
    }

    @Test
    void aDeletedFileIsGoneButStaysAGoodCursor() {
        String older = api.dataset();
        String deleted = api.dataset();
        JsonNode answer = api.delete("/v1/files/" + deleted).json();
        assertThat(answer.get("id").asString()).isEqualTo(deleted);
        assertThat(answer.get("object").asString()).isEqualTo("file");
        assertThat(answer.get("deleted").asBoolean()).isTrue();
        assertThat(api.get("/v1/files/" + deleted).status()).isEqualTo(404);
        assertThat(api.get("/v1/files/%s/content".formatted(deleted)).status()).isEqualTo(404);
        assertThat(api.delete("/v1/files/" + deleted).status()).isEqualTo(404);
        JsonNode page = api.get("/v1/files?limit=1&after=" + deleted).json();
        assertThat(page.get("data").get(0).get("id").asString()).isEqualTo(older);
    }

    @Test
    void aFileThatAnOpenJobNeedsStays() {
        String file = api.dataset();
        String job = api.post(
                        "/v1/fine_tuning/jobs", "{\"model\": \"model\", \"training_file\": \"%s\"}".formatted(file))
                .json()
                .get("id")
                .asString();
        Answer refused = api.delete("/v1/files/" + file);
        assertThat(refused.status()).isEqualTo(400);
        assertThat(refused.error().get("code").asString()).isEqualTo("file_in_use");
        assertThat(refused.error().get("message").asString()).contains(job);
        api.post("/v1/fine_tuning/jobs/%s/cancel".formatted(job));
        assertThat(api.delete("/v1/files/" + file).status()).isEqualTo(200);
    }

    @Test
    void listsAreFilteredAndOrdered() {
        String first = api.dataset();
        String second = api.dataset();
        List<String> newest = ids(api.get("/v1/files?limit=2").json());
        assertThat(newest).containsExactly(second, first);
        assertThat(ids(api.get("/v1/files?order=asc&after=" + first).json())).containsExactly(second);
        assertThat(ids(api.get("/v1/files?purpose=fine-tune-results&limit=1000").json()))
                .doesNotContain(first, second);
        assertThat(api.get("/v1/files?order=up").error().get("param").asString())
                .isEqualTo("order");
        JsonNode page = api.get("/v1/files?limit=2").json();
        assertThat(page.get("first_id").asString()).isEqualTo(second);
        assertThat(page.get("last_id").asString()).isEqualTo(first);
    }

    private static List<String> ids(JsonNode page) {
        return page.get("data")
                .valueStream()
                .map(file -> file.get("id").asString())
                .toList();
    }
}
