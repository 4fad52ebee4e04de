package dev.lowrank.local.demo;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The platform's API as any client sees it: plain HTTP with a bearer key. A restart of the API is waited out. */
public final class ApiClient implements AutoCloseable {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final Duration RESTART_PATIENCE = Duration.ofSeconds(60);
    private static final Duration RETRY_PAUSE = Duration.ofMillis(500);
    private static final JsonMapper JSON = JsonMapper.shared();

    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
    private final URI base;
    private final String key;

    /**
     * @param base such as {@code http://127.0.0.1:8080}
     * @param key {@code lr_…}
     */
    public ApiClient(URI base, String key) {
        this.base = base;
        this.key = key;
    }

    public JsonNode get(String path) throws IOException, InterruptedException {
        return json(sendPatiently(request(path).GET().build()));
    }

    public JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
        return json(http.send(
                request(path)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(JSON.writeValueAsString(body)))
                        .build(),
                BodyHandlers.ofString()));
    }

    /** Uploads a file for fine-tuning; the answer is the file object. */
    public JsonNode upload(Path file) throws IOException, InterruptedException {
        String boundary = "lowrank-" + UUID.randomUUID();
        BodyPublisher body = BodyPublishers.concat(
                BodyPublishers.ofString("""
                        --%1$s\r
                        Content-Disposition: form-data; name="purpose"\r
                        \r
                        fine-tune\r
                        --%1$s\r
                        Content-Disposition: form-data; name="file"; filename="%2$s"\r
                        Content-Type: application/jsonl\r
                        \r
                        """.formatted(boundary, file.getFileName())),
                BodyPublishers.ofFile(file),
                BodyPublishers.ofString("\r\n--" + boundary + "--\r\n"));
        return json(http.send(
                request("/v1/files")
                        .header("Content-Type", "multipart/form-data; boundary=" + boundary)
                        .POST(body)
                        .build(),
                BodyHandlers.ofString()));
    }

    /** What lies behind a signed link, which carries its own proof: no key is sent. */
    public InputStream download(URI link) throws IOException, InterruptedException {
        HttpResponse<InputStream> response =
                http.send(HttpRequest.newBuilder(link).timeout(TIMEOUT).build(), BodyHandlers.ofInputStream());
        if (response.statusCode() != 200) {
            throw new ApiFailure("The signed link answered with status " + response.statusCode() + ".");
        }
        return response.body();
    }

    /** One segment of a path; names may hold colons and slashes. */
    public static String segment(String name) {
        return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    }

    URI resolve(String address) {
        return base.resolve(address);
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(base.resolve(path)).timeout(TIMEOUT).header("Authorization", "Bearer " + key);
    }

    private HttpResponse<String> sendPatiently(HttpRequest request) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + RESTART_PATIENCE.toNanos();
        while (true) {
            try {
                HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
                if (response.statusCode() < 500 || System.nanoTime() > deadline) {
                    return response;
                }
            } catch (IOException e) {
                if (System.nanoTime() > deadline) {
                    throw e instanceof ConnectException
                            ? new IOException("the API at " + base + " does not answer", e)
                            : e;
                }
            }
            Thread.sleep(RETRY_PAUSE);
        }
    }

    private static JsonNode json(HttpResponse<String> response) {
        if (response.statusCode() / 100 != 2) {
            throw new ApiFailure(explain(response));
        }
        return JSON.readTree(response.body());
    }

    private static String explain(HttpResponse<String> response) {
        String message = "";
        if (response.body().startsWith("{")) {
            message = JSON.readTree(response.body()).at("/error/message").asString("");
        }
        return message.isEmpty()
                ? "%s answered with status %d.".formatted(response.uri().getPath(), response.statusCode())
                : message;
    }

    @Override
    public void close() {
        http.close();
    }
}
