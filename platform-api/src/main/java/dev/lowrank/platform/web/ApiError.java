package dev.lowrank.platform.web;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import tools.jackson.databind.json.JsonMapper;

/** {@code {"error": {message, type, param, code}}}, all four keys always there. */
public record ApiError(Detail error) {
    /** The one object inside. */
    public record Detail(
            String message,
            String type,
            @Nullable String param,
            @Nullable String code) {}

    static ApiError of(String message, @Nullable String param, @Nullable String code) {
        return new ApiError(new Detail(message, "invalid_request_error", param, code));
    }

    static ApiError ours(String message) {
        return new ApiError(new Detail(message, "server_error", null, "internal_error"));
    }

    /** Writes an error where no controller is in charge, such as in a filter. */
    public static void write(HttpServletResponse response, HttpStatus status, String message, @Nullable String code)
            throws IOException {
        boolean fault = status.is5xxServerError();
        response.setStatus(status.value());
        response.setContentType(MediaType.APPLICATION_JSON_VALUE);
        response.setHeader("x-should-retry", String.valueOf(fault));
        response.getOutputStream()
                .write(JsonMapper.shared()
                        .writeValueAsString(fault ? ours(message) : of(message, null, code))
                        .getBytes(StandardCharsets.UTF_8));
    }
}
