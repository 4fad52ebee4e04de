package dev.lowrank.platform.console;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One page of a headless Chromium, driven by its own debugging protocol; what it complains of is kept. */
final class Chromium implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final JsonMapper JSON = JsonMapper.shared();

    private final Process process;
    private final Path profile;
    private final WebSocket socket;
    private final AtomicInteger number = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final BlockingQueue<String> loads = new LinkedBlockingQueue<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private final String session;

    /** The browser that is installed here, if any. */
    static Optional<Path> installed() {
        return Stream.concat(
                        Stream.of("/usr/bin/chromium"),
                        Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
                                .map(folder -> folder + "/chromium"))
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst();
    }

    Chromium(Path program) throws IOException {
        profile = Files.createTempDirectory("lowrank-chromium");
        process = new ProcessBuilder(
                        program.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-background-networking",
                        "--disable-quic",
                        "--no-first-run",
                        "--disable-component-update",
                        "--disable-sync",
                        "--disable-dev-shm-usage",
                        "--user-data-dir=" + profile,
                        "--remote-debugging-port=0",
                        "about:blank")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        socket = HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .buildAsync(address(), new Listener())
                .join();
        String page = command("Target.createTarget", Map.of("url", "about:blank"), null)
                .required("targetId")
                .asString();
        session = command("Target.attachToTarget", Map.of("targetId", page, "flatten", true), null)
                .required("sessionId")
                .asString();
        Stream.of("Page", "Runtime", "Log", "Network", "Audits").forEach(domain -> call(domain + ".enable", Map.of()));
    }

    /** Chromium says on its error stream where it listens. */
    private URI address() throws IOException {
        var lines = process.errorReader();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int start = line.indexOf("ws://");
            if (start >= 0) {
                Thread.ofVirtual().start(() -> lines.lines().forEach(_ -> {}));
                return URI.create(line.substring(start).strip());
            }
        }
        throw new IOException("Chromium ended without saying where it listens.");
    }

    void open(String address) {
        loads.clear();
        call("Page.navigate", Map.of("url", address));
        awaitLoad();
    }

    /** Runs what makes the page load another, and waits for that. */
    void follow(String script) {
        loads.clear();
        evaluate(script);
        awaitLoad();
    }

    private void awaitLoad() {
        try {
            Objects.requireNonNull(loads.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS), "the page did not load");
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Leaves the page it is on, signed out, with nothing on its mind. */
    void forget() {
        open("about:blank");
        call("Network.clearBrowserCookies", Map.of());
        complaints.clear();
        requests.clear();
    }

    JsonNode evaluate(String script) {
        JsonNode answer = call(
                "Runtime.evaluate",
                Map.of("expression", script, "returnByValue", true, "awaitPromise", true, "userGesture", true));
        if (answer.has("exceptionDetails")) {
            throw new AssertionError(answer.required("exceptionDetails").toString());
        }
        return answer.required("result").path("value");
    }

    /** Waits in the page, from frame to frame, until an expression holds. */
    void until(String condition) {
        String wait = """
                new Promise((done) => {
                    const end = Date.now() + %d;
                    const look = () => (%s) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 50);
                    look();
                })""".formatted(PATIENCE.toMillis() - 2000, condition);
        if (!evaluate(wait).asBoolean(false)) {
            throw new AssertionError("It never became true in the page: " + condition + "; complaints: " + complaints);
        }
    }

    void size(int width, int height) {
        call(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 500));
    }

    void scheme(String lightOrDark) {
        call(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", lightOrDark))));
    }

    /** The whole page as a picture. */
    void screenshot(Path file) throws IOException {
        String data = call("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true))
                .required("data")
                .asString();
        Files.createDirectories(file.getParent());
        Files.write(file, Base64.getDecoder().decode(data));
    }

    /** Console errors, exceptions, refusals of the content security policy. */
    List<String> complaints() {
        return complaints;
    }

    /** Addresses it asked for. */
    List<String> requests() {
        return requests;
    }

    JsonNode call(String method, Map<String, ?> parameters) {
        return command(method, parameters, session);
    }

    private JsonNode command(String method, Map<String, ?> parameters, String session) {
        int id = number.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        var message = JSON.createObjectNode().put("id", id).put("method", method);
        message.set("params", JSON.valueToTree(parameters));
        if (session != null) {
            message.put("sessionId", session);
        }
        socket.sendText(message.toString(), true).join();
        return answer.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }

    private void received(JsonNode message) {
        if (message.has("id")) {
            CompletableFuture<JsonNode> answer =
                    answers.remove(message.get("id").asInt());
            if (message.has("error")) {
                answer.completeExceptionally(
                        new AssertionError(message.get("error").toString()));
            } else {
                answer.complete(message.path("result"));
            }
            return;
        }
        JsonNode what = message.path("params");
        switch (message.path("method").asString("")) {
            case "Page.loadEventFired" -> loads.add("loaded");
            case "Runtime.exceptionThrown", "Audits.issueAdded" -> complaints.add(what.toString());
            case "Runtime.consoleAPICalled" -> complain(what, what.path("type").asString());
            case "Log.entryAdded" -> complain(what, what.at("/entry/level").asString());
            case "Network.requestWillBeSent" ->
                requests.add(what.at("/request/url").asString());
            default -> {}
        }
    }

    private void complain(JsonNode what, String level) {
        if (List.of("error", "warning", "assert").contains(level)) {
            complaints.add(what.toString());
        }
    }

    @Override
    public void close() throws IOException {
        List<ProcessHandle> parts = process.descendants().toList();
        process.destroy();
        process.onExit()
                .orTimeout(5, TimeUnit.SECONDS)
                .exceptionally(_ -> process.destroyForcibly())
                .join();
        // They write into the profile until their last moment.
        parts.forEach(ProcessHandle::destroyForcibly);
        parts.forEach(part -> part.onExit().join());
        FileSystemUtils.deleteRecursively(profile);
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                JsonNode message = JSON.readTree(text.toString());
                text.setLength(0);
                received(message);
            }
            socket.request(1);
            return null;
        }
    }
}
