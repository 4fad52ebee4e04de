package dev.lowrank.local.demo;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** An API that plays one job: each look at it finds it a step further. */
final class FakeApi implements AutoCloseable {
    static final String KEY = "lr_fake_key_for_tests_only";
    private static final int STEPS = 3;

    final List<String> requests = new CopyOnWriteArrayList<>();
    private final HttpServer server;
    private final byte[] archive;
    private final AtomicInteger step = new AtomicInteger();
    private volatile String ending = "succeeded";

    FakeApi(byte[] archive) throws IOException {
        this.archive = archive;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
    }

    FakeApi whoseJobEnds(String status) {
        ending = status;
        return this;
    }

    ApiClient client() {
        return new ApiClient(base(), KEY);
    }

    URI link() {
        return base().resolve("/v1/downloads/signed");
    }

    private URI base() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        requests.add(exchange.getRequestMethod() + " " + path + " " + body);
        if (path.equals("/v1/downloads/signed")) {
            send(exchange, 200, archive);
        } else if (!("Bearer " + KEY).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            send(exchange, path.startsWith("/v1/nothing") ? 404 : 401, "{}".getBytes(StandardCharsets.UTF_8));
        } else {
            send(exchange, 200, json(exchange.getRequestMethod() + " " + path).getBytes(StandardCharsets.UTF_8));
        }
    }

    private String json(String request) {
        return switch (request) {
            case "POST /v1/files" -> """
                    {"id":"file-1","object":"file","status":"processed"}""";
            case "POST /v1/fine_tuning/jobs" -> """
                    {"id":"ftjob-1","model":"lowrank-starter","status":"queued"}""";
            case "GET /v1/fine_tuning/jobs/ftjob-1" -> job(step.incrementAndGet());
            case "GET /v1/fine_tuning/jobs/ftjob-1/events" -> events();
            case "POST /v1/adapters/sample/versions/1/links" -> """
                    {"url":"%s"}""".formatted(link());
            default -> "{}";
        };
    }

    private String job(int looks) {
        if (looks <= STEPS) {
            return """
                    {"id":"ftjob-1","status":"running","lowrank":{"progress":{"phase":"train","total_steps":3}}}""";
        }
        return """
                {"id":"ftjob-1","status":"%s","fine_tuned_model":"ft:lowrank-starter:org::abc",
                 "error":{"code":"worker_lost","message":"The dog ate it.","param":null},
                 "lowrank":{"progress":{"phase":"register","step":3,"total_steps":3},"adapter_version":{"name":"sample","version":1,"sha256":"%s"}}}""".formatted(ending, sha256(archive));
    }

    private String events() {
        StringBuilder data = new StringBuilder();
        for (int s = Math.min(step.get(), STEPS); s >= 1; s--) {
            data.append("""
                    {"id":"ftevent-%1$d","type":"metrics",
                     "data":{"step":%1$d,"train_loss":%2$s,"tokens_per_second":1000}},""".formatted(s, 4.0 / s));
        }
        return """
                {"object":"list","has_more":false,"data":[%s{"id":"ftevent-0","type":"message","data":{}}]}""".formatted(data);
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        if (body.length > 0) {
            exchange.getResponseBody().write(body);
        }
        exchange.close();
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
