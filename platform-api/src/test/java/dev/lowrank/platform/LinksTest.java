package dev.lowrank.platform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.platform.RunningApi.Answer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class LinksTest {
    private static final String ARCHIVE = "the archive's bytes, so to say";
    private static final String VERSION = "/v1/adapters/linked/versions/1";

    private final RunningApi api = RunningApi.get();

    @BeforeAll
    static void registerAVersion() throws IOException {
        RunningApi api = RunningApi.get();
        FakeWorker worker = new FakeWorker(api);
        worker.succeed(worker.claim(api.job("")), "linked", ARCHIVE.getBytes(StandardCharsets.UTF_8));
    }

    private JsonNode link(String body) {
        return api.post(VERSION + "/links", body).json();
    }

    private String url() {
        return link("{}").get("url").asString();
    }

    private Answer open(String url) {
        return api.send(api.request(url));
    }

    @Test
    void theRegistryTellsWhatAVersionIs() {
        JsonNode adapter = api.get("/v1/adapters/linked").json();
        assertThat(adapter.get("latest_version").asInt()).isEqualTo(1);
        assertThat(api.get("/v1/adapters")
                        .json()
                        .get("data")
                        .valueStream()
                        .map(a -> a.get("name").asString()))
                .contains("linked");
        JsonNode version = api.get(VERSION).json();
        assertThat(version.get("number").asInt()).isEqualTo(1);
        assertThat(version.get("job_id").asString()).startsWith("ftjob-");
        assertThat(version.get("bytes").asInt()).isEqualTo(ARCHIVE.length());
        for (String json : new String[] {"spec", "metrics", "verdict"}) {
            assertThat(version.get(json).isObject()).as(json).isTrue();
        }
        assertThat(api.get("/v1/adapters/linked/versions").json().get("data").get(0))
                .isEqualTo(version);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1/adapters/none",
                "/v1/adapters/none/versions",
                "/v1/adapters/none/versions/1",
                "/v1/adapters/linked/versions/2"
            })
    void whatIsNotThereIsNotFound(String path) {
        assertThat(api.get(path).status()).isEqualTo(404);
    }

    @Test
    void aLinkNeedsNoKeyAndGivesTheBytes() {
        JsonNode link = link("{\"expires_in_seconds\": 60}");
        assertThat(link.get("object").asString()).isEqualTo("link");
        assertThat(link.get("expires_at").asLong())
                .isEqualTo(api.clock.instant().getEpochSecond() + 60);
        assertThat(link.get("bytes").asInt()).isEqualTo(ARCHIVE.length());
        assertThat(link.get("url").asString())
                .startsWith(api.origin + "/d/linked/1/" + link.get("sha256").asString());
        Answer answer = open(link.get("url").asString());
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.text()).isEqualTo(ARCHIVE);
        assertThat(answer.header("content-type")).isEqualTo("application/zip");
        assertThat(answer.header("content-disposition")).contains("linked-v1.zip");
        assertThat(answer.header("x-content-type-options")).isEqualTo("nosniff");
        assertThat(answer.header("cache-control")).contains("private");
        assertThat(answer.header("etag")).isEqualTo("\"" + link.get("sha256").asString() + "\"");
    }

    @Test
    void aBodyIsOptional() {
        JsonNode link = api.post(VERSION + "/links").json();
        assertThat(link.get("expires_at").asLong())
                .isEqualTo(api.clock.instant().getEpochSecond() + 3600);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"expires_in_seconds\": 59}",
                "{\"expires_in_seconds\": 604801}",
                "{\"expires_in_seconds\": -1}",
                "{\"expires_in_seconds\": \"soon\"}",
                "{\"forever\": true}",
                "[]"
            })
    void otherLivesAreRefused(String body) {
        Answer answer = api.post(VERSION + "/links", body);
        assertThat(answer.status()).isEqualTo(400);
        ErrorShapeTest.assertShape(answer);
    }

    @Test
    void anyOtherCharacterMakesItInvalid() {
        String url = url();
        for (int i = url.indexOf("/d/") + 3; i < url.length(); i++) {
            char old = url.charAt(i);
            if (old == '/' || old == '?' || old == '&' || old == '=') {
                continue;
            }
            char other = old == '1' ? '2' : '1';
            Answer answer = open(url.substring(0, i) + other + url.substring(i + 1));
            assertThat(answer.status()).as("character %d of %s", i, url).isEqualTo(403);
            ErrorShapeTest.assertShape(answer);
        }
    }

    @Test
    void noOtherSpellingIsGood() {
        String url = url();
        for (String other : new String[] {
            url.replace("?e=", "?e=0"),
            url.replace("&k=", "&k=0"),
            url.replace("&k=", "&k=%2B"),
            url + "A",
            url.substring(0, url.length() - 1),
            url + "=",
            url + "&x=1",
            url + "&e=1",
            url.substring(0, url.indexOf("&s=")),
            url.substring(0, url.indexOf('?')),
            url.replace("/linked/1/", "/linked/01/"),
            url.replace("/linked/1/", "/linked/x/"),
            url.replace("?e=", "?e=99999999999999999999")
        }) {
            assertThat(open(other).status()).as(other).isEqualTo(403);
        }
    }

    @Test
    void itEndsOnTheSecond() {
        String url = link("{\"expires_in_seconds\": 100}").get("url").asString();
        api.clock.advance(Duration.ofSeconds(99));
        assertThat(open(url).status()).isEqualTo(200);
        api.clock.advance(Duration.ofSeconds(1));
        Answer expired = open(url);
        assertThat(expired.status()).isEqualTo(403);
        assertThat(expired.error().get("code").asString()).isEqualTo("link_expired");
    }

    @Test
    void theHeadIsTheSameWithoutTheBytes() {
        Answer head = api.send(api.request(url()).HEAD());
        assertThat(head.status()).isEqualTo(200);
        assertThat(head.header("content-length")).isEqualTo(String.valueOf(ARCHIVE.length()));
        assertThat(head.header("accept-ranges")).isEqualTo("bytes");
        assertThat(head.text()).isEmpty();
    }

    @Test
    void otherMethodsAreNotThere() {
        assertThat(api.send(api.request(url()).POST(BodyPublishers.noBody())).status())
                .isEqualTo(405);
    }

    @ParameterizedTest
    @CsvSource({"bytes=0-3, 0, 3", "bytes=5-, 5, 29", "bytes=-4, 26, 29", "bytes=10-1000, 10, 29", "bytes=29-29, 29, 29"
    })
    void partsAreServed(String range, int first, int last) {
        Answer part = api.send(api.request(url()).header("Range", range));
        assertThat(part.status()).isEqualTo(206);
        assertThat(part.text()).isEqualTo(ARCHIVE.substring(first, last + 1));
        assertThat(part.header("content-range")).isEqualTo("bytes %d-%d/30".formatted(first, last));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bytes=30-", "bytes=1000-2000", "bytes=-0"})
    void partsBehindTheEndAreNot(String range) {
        Answer answer = api.send(api.request(url()).header("Range", range));
        assertThat(answer.status()).isEqualTo(416);
        assertThat(answer.header("content-range")).isEqualTo("bytes */30");
        ErrorShapeTest.assertShape(answer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=-", "bytes=99999999999999999999-"
            })
    void aRangeThatIsNoneIsIgnored(String range) {
        Answer answer = api.send(api.request(url()).header("Range", range));
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.text()).isEqualTo(ARCHIVE);
    }

    @Test
    void aDownloadGoesOnOnlyWithTheSameBytes() {
        String url = url();
        String tag = open(url).header("etag");
        Answer same = api.send(api.request(url).header("Range", "bytes=5-").header("If-Range", tag));
        assertThat(same.status()).isEqualTo(206);
        Answer other = api.send(api.request(url).header("Range", "bytes=5-").header("If-Range", "\"other\""));
        assertThat(other.status()).isEqualTo(200);
        assertThat(other.text()).isEqualTo(ARCHIVE);
        Answer known = api.send(api.request(url).header("If-None-Match", tag));
        assertThat(known.status()).isEqualTo(304);
    }

    @Test
    void bytesOfAnotherLengthAreNotServed() throws IOException {
        FakeWorker worker = new FakeWorker(api);
        worker.succeed(worker.claim(api.job("")), "torn", "whole".getBytes(StandardCharsets.UTF_8));
        String url =
                api.post("/v1/adapters/torn/versions/1/links").json().get("url").asString();
        String sha256 = URI.create(url).getPath().substring("/d/torn/1/".length());
        Path blob =
                api.data.resolve("blobs/%s/%s/%s".formatted(sha256.substring(0, 2), sha256.substring(2, 4), sha256));
        Files.writeString(blob, "who");
        Answer answer = open(url);
        assertThat(answer.status()).isEqualTo(500);
        ErrorShapeTest.assertShape(answer);
    }
}
