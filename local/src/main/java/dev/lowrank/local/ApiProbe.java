package dev.lowrank.local;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Asks the API whether it is ready. */
final class ApiProbe {
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();
    private final HttpRequest request;

    ApiProbe(URI api) {
        this.request = HttpRequest.newBuilder(api.resolve("/readyz"))
                .timeout(Duration.ofSeconds(5))
                .build();
    }

    boolean isReady() throws InterruptedException {
        try {
            return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }
}
