package dev.lowrank.platform.web;

import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Objects;
import org.springframework.boot.webmvc.error.ErrorController;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Controller;
import org.springframework.web.bind.annotation.RequestMapping;

/** Answers requests that failed before any endpoint was in charge, such as those the firewall refused. */
@Controller
class ErrorPages implements ErrorController {
    @RequestMapping("/error")
    void error(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpStatus status = status(request);
        ApiError.write(response, status, sentence(status), status.is4xxClientError() ? "invalid_request" : null);
    }

    /** Without a failure it is somebody who asked for this page itself. */
    private static HttpStatus status(HttpServletRequest request) {
        return request.getAttribute(RequestDispatcher.ERROR_STATUS_CODE) instanceof Integer code
                ? Objects.requireNonNullElse(HttpStatus.resolve(code), HttpStatus.INTERNAL_SERVER_ERROR)
                : HttpStatus.NOT_FOUND;
    }

    private static String sentence(HttpStatus status) {
        if (status.is5xxServerError()) {
            return "The server failed on this request; its log has the cause under the request id of this answer.";
        }
        return status == HttpStatus.NOT_FOUND
                ? "There is nothing at this address; docs/api.md lists what there is."
                : "The request cannot be read; check its address and headers.";
    }
}
