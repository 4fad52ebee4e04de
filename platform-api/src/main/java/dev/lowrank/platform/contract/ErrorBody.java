package dev.lowrank.platform.contract;

import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;

/** The one shape of all errors; the four keys are always there. */
record ErrorBody(Error error) {
    static final String INVALID_REQUEST = "invalid_request_error";

    record Error(
            String message,
            String type,
            @Nullable String param,
            @Nullable String code) {}

    static ErrorBody of(String message, String type, @Nullable String param, @Nullable String code) {
        return new ErrorBody(new Error(message, type, param, code));
    }

    /** What to say when only the status is known. */
    static ErrorBody of(HttpStatusCode status) {
        if (status.is5xxServerError()) {
            return of(
                    status.value() == 503
                            ? "The server cannot reach its database at the moment: try again shortly."
                            : "The server had an error; its log says more under the request id of this answer.",
                    "server_error",
                    null,
                    null);
        }
        return switch (status.value()) {
            case 404 -> of("There is nothing at this address: see docs/api.md.", INVALID_REQUEST, null, "unknown_url");
            case 405 ->
                of("This method is not possible at this address.", INVALID_REQUEST, null, "method_not_supported");
            case 406 -> of("This answer exists as application/json only.", INVALID_REQUEST, null, "not_acceptable");
            case 413 -> of("The request is too large.", INVALID_REQUEST, null, "request_too_large");
            case 415 ->
                of(
                        "The body's Content-Type is not one that this address takes: send application/json, or multipart/form-data for files.",
                        INVALID_REQUEST,
                        null,
                        "unsupported_media_type");
            default -> of(reason(status), INVALID_REQUEST, null, "invalid_request");
        };
    }

    private static String reason(HttpStatusCode status) {
        HttpStatus known = HttpStatus.resolve(status.value());
        return "The request cannot be read" + (known == null ? "." : " (" + known.getReasonPhrase() + ").");
    }
}
