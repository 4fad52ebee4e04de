package dev.lowrank.platform.web;

import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;

/** A request that cannot be served; becomes the error shape of the OpenAI contract. */
public final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final HttpStatus status;
    private final @Nullable String param;
    private final @Nullable String code;

    private ApiException(HttpStatus status, String message, @Nullable String param, @Nullable String code) {
        super(message);
        this.status = status;
        this.param = param;
        this.code = code;
    }

    /**
     * Something in the request is wrong.
     *
     * @param param the field that is wrong, or null
     * @param code a stable word for what is wrong, or null
     */
    public static ApiException badRequest(String message, @Nullable String param, @Nullable String code) {
        return new ApiException(HttpStatus.BAD_REQUEST, message, param, code);
    }

    /** @param what the kind of thing, such as "fine-tuning job" */
    public static ApiException notFound(String what, String id, String param) {
        return new ApiException(HttpStatus.NOT_FOUND, "No such %s: %s".formatted(what, id), param, "not_found");
    }

    public static ApiException forbidden(String message, String code) {
        return new ApiException(HttpStatus.FORBIDDEN, message, null, code);
    }

    /** @param bytes how many there are */
    public static ApiException rangeNotSatisfiable(long bytes) {
        return new ApiException(
                HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                "The range lies behind the end; there are %d bytes.".formatted(bytes),
                null,
                "invalid_range");
    }

    HttpStatus status() {
        return status;
    }

    ApiError body() {
        return ApiError.of(String.valueOf(getMessage()), param, code);
    }
}
