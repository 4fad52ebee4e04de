package dev.lowrank.platform;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.access.ApiKeys;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Primary;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The real server on a free port and a real PostgreSQL, started once for all tests, and a client that holds its first key. */
public final class RunningApi {
    private static final RunningApi INSTANCE = new RunningApi();

    /** Small, so that a test can go beyond it. */
    public static final long UPLOAD_LIMIT = 100_000;

    private static final AtomicInteger KEYS = new AtomicInteger();

    public final ConfigurableApplicationContext context;
    public final String origin;
    public final String key;
    public final SettableClock clock;
    public final Path data;
    private final HttpClient http = HttpClient.newHttpClient();

    private RunningApi() {
        TestDatabase database = TestDatabase.createEmpty();
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream out = System.out;
        try {
            data = Files.createTempDirectory("lowrank-api-test");
            System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
            context = new SpringApplicationBuilder(PlatformApplication.class, Time.class)
                    .run(
                            "--server.port=0",
                            "--spring.datasource.url=" + database.jdbcUrl(),
                            "--spring.datasource.username=" + database.user(),
                            "--spring.datasource.password=" + database.password(),
                            "--lowrank.data=" + data,
                            "--spring.servlet.multipart.max-file-size=" + UPLOAD_LIMIT,
                            "--lowrank.models=../worker/engine/src/test/resources/fixtures/llama-tiny");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            System.setOut(out);
        }
        origin = "http://127.0.0.1:" + context.getEnvironment().getProperty("local.server.port");
        clock = context.getBean(SettableClock.class);
        key = printed.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.startsWith("lr_"))
                .findFirst()
                .orElseThrow();
    }

    public static RunningApi get() {
        return INSTANCE;
    }

    /** Puts the test's clock in place of the system's. */
    @Configuration(proxyBeanMethods = false)
    static class Time {
        @Bean
        @Primary
        SettableClock settableClock() {
            return new SettableClock();
        }
    }

    public JdbcClient jdbc() {
        return context.getBean(JdbcClient.class);
    }

    /** An answer, and its body as JSON. */
    public record Answer(int status, HttpResponse<byte[]> response) {
        public String text() {
            return new String(response.body(), StandardCharsets.UTF_8);
        }

        public JsonNode json() {
            return JsonMapper.shared().readTree(response.body());
        }

        public JsonNode error() {
            return json().required("error");
        }

        public String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }
    }

    public HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(path.startsWith("http") ? path : origin + path));
    }

    public HttpRequest.Builder withKey(String path) {
        return request(path).header("Authorization", "Bearer " + key);
    }

    public Answer send(HttpRequest.Builder request) {
        try {
            HttpResponse<byte[]> response = http.send(request.build(), BodyHandlers.ofByteArray());
            return new Answer(response.statusCode(), response);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    public Answer get(String path) {
        return send(withKey(path));
    }

    public Answer delete(String path) {
        return send(withKey(path).DELETE());
    }

    public Answer post(String path) {
        return send(withKey(path).POST(BodyPublishers.noBody()));
    }

    public Answer post(String path, String json) {
        return send(withKey(path).header("Content-Type", "application/json").POST(BodyPublishers.ofString(json)));
    }

    /** Uploads a file with these lines for fine-tuning. */
    public Answer upload(String filename, String content) {
        return upload(filename, content, "fine-tune");
    }

    public Answer upload(String filename, String content, String purpose) {
        String boundary = "b0undary";
        String body = """
                --%1$s\r
                Content-Disposition: form-data; name="purpose"\r
                \r
                %2$s\r
                --%1$s\r
                Content-Disposition: form-data; name="file"; filename="%3$s"\r
                Content-Type: application/octet-stream\r
                \r
                %4$s\r
                --%1$s--\r
                """.formatted(boundary, purpose, filename, content);
        return send(withKey("/v1/files")
                .header("Content-Type", "multipart/form-data; boundary=" + boundary)
                .POST(BodyPublishers.ofString(body)));
    }

    /** A chat dataset of some rows. */
    public static String rows(int count) {
        return "{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}, {\"role\": \"assistant\", \"content\": \"hi\"}]}\n"
                .repeat(count);
    }

    /** The id of an uploaded dataset. */
    public String dataset() {
        return upload("rows.jsonl", rows(12)).json().required("id").asString();
    }

    /** The id of a queued job. */
    public String job(String more) {
        return post(
                        "/v1/fine_tuning/jobs",
                        "{\"model\": \"model\", \"training_file\": \"%s\"%s}".formatted(dataset(), more))
                .json()
                .required("id")
                .asString();
    }

    /** A key of this name for a project of its own. */
    public String newKey(String name) {
        String prefix = "lr_%012d".formatted(KEYS.incrementAndGet());
        String text = prefix + "_" + "s".repeat(43);
        byte[] hash;
        try {
            hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
        String project = "proj_" + prefix;
        jdbc().sql("insert into organization (id, name) values (?, ?)")
                .params("org-" + prefix, name)
                .update();
        jdbc().sql("insert into project (id, organization_id, name) values (?, ?, ?)")
                .params(project, "org-" + prefix, name)
                .update();
        context.getBean(ApiKeys.class).add(project, name, prefix, hash);
        return text;
    }

    /** The whole answer to a GET whose address no client library would let through as it is. */
    public String raw(String path) throws IOException {
        return exchange("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n"
                .formatted(path, key));
    }

    String exchange(String request) throws IOException {
        URI uri = URI.create(origin);
        try (Socket socket = new Socket(uri.getHost(), uri.getPort())) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
