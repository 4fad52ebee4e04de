package dev.lowrank.platform.web;

import jakarta.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.multipart.MaxUploadSizeExceededException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;

/** Every failure of a request in the error shape of the OpenAI contract. */
@RestControllerAdvice
class ApiErrors extends ResponseEntityExceptionHandler {
    private static final ApiError TOO_LARGE = ApiError.of(
            "The upload is larger than this server takes; split the file, or raise LOWRANK_UPLOAD_LIMIT.",
            "file",
            "file_too_large");
    private static final Logger log = LoggerFactory.getLogger(ApiErrors.class);

    @ExceptionHandler
    ResponseEntity<Object> refused(ApiException refusal) {
        return answer(refusal.status(), refusal.body(), false);
    }

    @ExceptionHandler({DataAccessResourceFailureException.class, CannotCreateTransactionException.class})
    ResponseEntity<Object> databaseAway(Exception e) {
        log.warn("The database does not answer: {}", e.getMessage());
        return ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE)
                .header("retry-after", "2")
                .contentType(MediaType.APPLICATION_JSON)
                .body(ApiError.ours("The database does not answer; try again in a moment."));
    }

    @ExceptionHandler
    ResponseEntity<Object> fault(Exception fault, HttpServletRequest request) {
        Object id = request.getAttribute(RequestIds.ATTRIBUTE);
        log.error("Request {} failed", id, fault);
        return answer(
                HttpStatus.INTERNAL_SERVER_ERROR,
                ApiError.ours(
                        "The server failed on this request; its log has the cause under request id %s.".formatted(id)),
                true);
    }

    /** What Spring itself refuses: unknown routes and methods, unreadable JSON, missing parts. */
    @Override
    protected ResponseEntity<Object> handleExceptionInternal(
            Exception e, @Nullable Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        if (e instanceof MaxUploadSizeExceededException) {
            return answer(HttpStatus.CONTENT_TOO_LARGE, TOO_LARGE, false);
        }
        return answer(status, ApiError.of(sentence(e, status), null, code(status)), false);
    }

    private static String sentence(Exception e, HttpStatusCode status) {
        if (e instanceof HttpMessageNotReadableException) {
            return "The request body is not valid JSON for this operation; check its quotes, commas and braces.";
        }
        if (e instanceof HttpRequestMethodNotSupportedException method) {
            return "%s is not possible here; allowed: %s."
                    .formatted(method.getMethod(), String.valueOf(method.getSupportedHttpMethods()));
        }
        return status.value() == HttpStatus.NOT_FOUND.value()
                ? "There is nothing at this address; docs/api.md lists what there is."
                : String.valueOf(e.getMessage());
    }

    private static @Nullable String code(HttpStatusCode status) {
        return switch (status.value()) {
            case 404 -> "unknown_url";
            case 405 -> "method_not_supported";
            default -> null;
        };
    }

    private static ResponseEntity<Object> answer(HttpStatusCode status, ApiError body, boolean retry) {
        return ResponseEntity.status(status)
                .header("x-should-retry", String.valueOf(retry))
                .contentType(MediaType.APPLICATION_JSON)
                .body(body);
    }
}
