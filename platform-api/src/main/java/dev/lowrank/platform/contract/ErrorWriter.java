package dev.lowrank.platform.contract;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/** Writes an error where no controller is near: in filters and in the servlet container. */
@Component
public class ErrorWriter {
    private final JsonMapper mapper;

    ErrorWriter(JsonMapper mapper) {
        this.mapper = mapper;
    }

    public void write(HttpServletResponse response, ApiException error) throws IOException {
        write(response, error.status(), error.body());
    }

    void write(HttpServletResponse response, HttpStatus status, ErrorBody body) throws IOException {
        response.setStatus(status.value());
        response.setContentType(MediaType.APPLICATION_JSON_VALUE);
        response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
        response.getOutputStream().write(mapper.writeValueAsBytes(body));
    }
}
