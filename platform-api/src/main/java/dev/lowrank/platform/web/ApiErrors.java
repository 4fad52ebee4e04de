package dev.lowrank.platform.web;

import dev.lowrank.db.UnstorableText;
import jakarta.servlet.http.HttpServletRequest;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessResourceFailureException;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.security.access.AccessDeniedException;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.web.HttpRequestMethodNotSupportedException;
import org.springframework.web.bind.MissingServletRequestParameterException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.multipart.MaxUploadSizeExceededException;
import org.springframework.web.multipart.MultipartException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.util.DisconnectedClientHelper;
import tools.jackson.core.exc.StreamConstraintsException;

/** Every failure of a request in the error shape of the OpenAI contract. */
@RestControllerAdvice
class ApiErrors extends ResponseEntityExceptionHandler {
    private static final ApiError TOO_LARGE = ApiError.of(
            "The upload is larger than this server takes; split the file, or raise LOWRANK_UPLOAD_LIMIT.",
            "file",
            "file_too_large");
    private static final ApiError TOO_LONG =
            ApiError.of("The JSON body is longer than this server takes.", null, "request_too_large");
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

    /** A text may hold a character that PostgreSQL has none for; that is its sender's to put right. */
    @ExceptionHandler
    @Nullable
    ResponseEntity<Object> refusedByDatabase(DataIntegrityViolationException e, HttpServletRequest request)
            throws Exception {
        if (UnstorableText.causes(e)) {
            ApiError body = ApiError.of(
                    "A text of this request holds a character that cannot be stored (such as NUL); remove it.",
                    null,
                    "invalid_value");
            return answer(HttpStatus.BAD_REQUEST, body, false);
        }
        return fault(e, request);
    }

    @ExceptionHandler
    ResponseEntity<Object> badUpload(MultipartException e) {
        ApiError body = ApiError.of(
                "The multipart body cannot be read; send \"purpose\" and \"file\" as its parts.",
                null,
                "invalid_multipart");
        return answer(HttpStatus.BAD_REQUEST, body, false);
    }

    @ExceptionHandler
    @Nullable
    ResponseEntity<Object> fault(Exception fault, HttpServletRequest request) throws Exception {
        if (DisconnectedClientHelper.isClientDisconnectedException(fault)) {
            return null;
        }
        if (fault instanceof AccessDeniedException) {
            throw fault;
        }
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
        if (tooLong(e)) {
            return answer(HttpStatus.CONTENT_TOO_LARGE, TOO_LONG, false);
        }
        String allow = headers.getFirst(HttpHeaders.ALLOW);
        ResponseEntity<Object> answer = answer(status, ApiError.of(sentence(e, status), param(e), code(status)), false);
        return allow == null ? answer : withAllow(answer, allow);
    }

    private static ResponseEntity<Object> withAllow(ResponseEntity<Object> answer, String methods) {
        return ResponseEntity.status(answer.getStatusCode())
                .headers(answer.getHeaders())
                .header(HttpHeaders.ALLOW, methods)
                .body(answer.getBody());
    }

    /** The parser stops at the limit, so the body's length is known only from what it says. */
    private static boolean tooLong(Exception e) {
        return e.getCause() instanceof StreamConstraintsException limit
                && String.valueOf(limit.getOriginalMessage()).contains("Document length");
    }

    private static @Nullable String param(Exception e) {
        return switch (e) {
            case MethodArgumentTypeMismatchException mismatch -> mismatch.getName();
            case MissingServletRequestParameterException missing -> missing.getParameterName();
            default -> null;
        };
    }

    private static String sentence(Exception e, HttpStatusCode status) {
        if (e instanceof HttpMessageNotReadableException) {
            return "The request body is not valid JSON for this operation; check its quotes, commas and braces.";
        }
        if (e instanceof HttpRequestMethodNotSupportedException method) {
            return "%s is not possible here; allowed: %s."
                    .formatted(method.getMethod(), String.valueOf(method.getSupportedHttpMethods()));
        }
        if (e instanceof MethodArgumentTypeMismatchException mismatch) {
            return "\"%s\" is \"%s\", but must be a whole number.".formatted(mismatch.getName(), mismatch.getValue());
        }
        return switch (status.value()) {
            case 404 -> "There is nothing at this address; docs/api.md lists what there is.";
            case 413 -> "The request is larger than this server takes.";
            case 415 ->
                "The Content-Type does not fit; send application/json, or multipart/form-data where files are uploaded.";
            default -> "The request cannot be read; docs/api.md says what belongs into it.";
        };
    }

    private static @Nullable String code(HttpStatusCode status) {
        return switch (status.value()) {
            case 404 -> "unknown_url";
            case 405 -> "method_not_supported";
            case 413 -> "request_too_large";
            case 415 -> "unsupported_media_type";
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
