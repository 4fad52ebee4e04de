package dev.lowrank.platform.contract;

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
import org.springframework.security.access.AccessDeniedException;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.web.bind.MissingServletRequestParameterException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.multipart.MaxUploadSizeExceededException;
import org.springframework.web.multipart.MultipartException;
import org.springframework.web.multipart.support.MissingServletRequestPartException;
import org.springframework.web.servlet.NoHandlerFoundException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.util.DisconnectedClientHelper;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamConstraintsException;

/** Turns whatever goes wrong in an endpoint into the contract's error shape. */
@RestControllerAdvice(annotations = RestController.class)
class ErrorAnswers extends ResponseEntityExceptionHandler {
    private static final Logger LOG = LoggerFactory.getLogger(ErrorAnswers.class);

    @ExceptionHandler
    ResponseEntity<Object> refused(ApiException error) {
        return answer(error.status(), new HttpHeaders(), error.body());
    }

    @ExceptionHandler({DataAccessResourceFailureException.class, CannotCreateTransactionException.class})
    ResponseEntity<Object> databaseAway(Exception error) {
        LOG.warn("The database does not answer: {}", error.getMessage());
        HttpHeaders headers = new HttpHeaders();
        headers.set(HttpHeaders.RETRY_AFTER, "2");
        return answer(HttpStatus.SERVICE_UNAVAILABLE, headers, ErrorBody.of(HttpStatus.SERVICE_UNAVAILABLE));
    }

    @ExceptionHandler
    ResponseEntity<Object> badUpload(MultipartException error) {
        return answer(
                HttpStatus.BAD_REQUEST,
                new HttpHeaders(),
                ErrorBody.of(
                        "The multipart body cannot be read: send purpose and file as parts of multipart/form-data.",
                        ErrorBody.INVALID_REQUEST,
                        null,
                        "invalid_multipart"));
    }

    @ExceptionHandler
    @Nullable
    ResponseEntity<Object> unexpected(Exception error) throws Exception {
        if (error instanceof AccessDeniedException) {
            throw error;
        }
        if (DisconnectedClientHelper.isClientDisconnectedException(error)) {
            return null;
        }
        LOG.error("A request failed", error);
        return answer(
                HttpStatus.INTERNAL_SERVER_ERROR, new HttpHeaders(), ErrorBody.of(HttpStatus.INTERNAL_SERVER_ERROR));
    }

    @Override
    protected ResponseEntity<Object> handleHttpMessageNotReadable(
            HttpMessageNotReadableException error, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        Throwable cause = error.getCause();
        if (cause instanceof StreamConstraintsException constraint) {
            boolean large = constraint.getOriginalMessage().contains("Document length");
            return answer(
                    large ? HttpStatus.CONTENT_TOO_LARGE : HttpStatus.BAD_REQUEST,
                    headers,
                    ErrorBody.of(
                            "The JSON body is %s than is accepted here: shorten it."
                                    .formatted(large ? "larger" : "deeper, or has longer values,"),
                            ErrorBody.INVALID_REQUEST,
                            null,
                            large ? "request_too_large" : "invalid_json"));
        }
        return answer(
                HttpStatus.BAD_REQUEST,
                headers,
                ErrorBody.of(notReadable(cause), ErrorBody.INVALID_REQUEST, null, "invalid_json"));
    }

    private static String notReadable(@Nullable Throwable cause) {
        if (cause instanceof JacksonException json && json.getLocation() != null) {
            return "The body is not valid JSON (line %d, column %d): correct it and send it again."
                    .formatted(
                            json.getLocation().getLineNr(), json.getLocation().getColumnNr());
        }
        return "The body is missing or is not valid JSON: send one JSON object.";
    }

    @Override
    protected @Nullable ResponseEntity<Object> handleExceptionInternal(
            Exception error, @Nullable Object body, HttpHeaders headers, HttpStatusCode status, WebRequest request) {
        return answer(status, headers, describe(error, status));
    }

    private static ErrorBody describe(Exception error, HttpStatusCode status) {
        return switch (error) {
            case MissingServletRequestPartException part ->
                missing(part.getRequestPartName(), "is missing: send it as a part of multipart/form-data.");
            case MissingServletRequestParameterException parameter ->
                missing(parameter.getParameterName(), "is missing: send it with the request.");
            case MethodArgumentTypeMismatchException mismatch ->
                ErrorBody.of(
                        "\"%s\" must be a whole number.".formatted(mismatch.getName()),
                        ErrorBody.INVALID_REQUEST,
                        mismatch.getName(),
                        "invalid_value");
            case MaxUploadSizeExceededException _ ->
                ErrorBody.of(
                        "The upload is larger than this server accepts: split the file, or raise lowrank.upload-limit.",
                        ErrorBody.INVALID_REQUEST,
                        "file",
                        "file_too_large");
            case NoHandlerFoundException unknown ->
                ErrorBody.of(
                        "Unknown request URL: %s. See docs/api.md.".formatted(unknown.getHttpMethod()),
                        ErrorBody.INVALID_REQUEST,
                        null,
                        "unknown_url");
            default -> ErrorBody.of(status);
        };
    }

    private static ErrorBody missing(String name, String problem) {
        return ErrorBody.of(
                "\"%s\" %s".formatted(name, problem), ErrorBody.INVALID_REQUEST, name, "missing_required_parameter");
    }

    private static ResponseEntity<Object> answer(HttpStatusCode status, HttpHeaders headers, ErrorBody body) {
        // A set content type is not up for negotiation: a client that asked for bytes still gets a readable error.
        return ResponseEntity.status(status)
                .headers(headers)
                .contentType(MediaType.APPLICATION_JSON)
                .body(body);
    }
}
