package dev.lowrank.platform.contract;

import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;

/**
 * A request that is refused. The message is one clear sentence with the remedy; {@code param} names the field it is about
 * and {@code code} is for programs. Conflicts are 400 as well: clients repeat a request that was answered 409.
 */
public final class ApiException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final HttpStatus status;
    private final String code;
    private final @Nullable String param;

    public ApiException(HttpStatus status, String code, @Nullable String param, String message) {
        super(message);
        this.status = status;
        this.code = code;
        this.param = param;
    }

    /** The request cannot be carried out as it is. */
    public static ApiException invalid(String code, @Nullable String param, String message) {
        return new ApiException(HttpStatus.BAD_REQUEST, code, param, message);
    }

    /** A field holds something it cannot hold. */
    public static ApiException invalidValue(String param, String message) {
        return invalid("invalid_value", param, message);
    }

    /** What the path names is not there, or not this project's. */
    public static ApiException notFound(String param, String message) {
        return new ApiException(HttpStatus.NOT_FOUND, "not_found", param, message);
    }

    public HttpStatus status() {
        return status;
    }

    ErrorBody body() {
        return ErrorBody.of(String.valueOf(getMessage()), ErrorBody.INVALID_REQUEST, param, code);
    }
}
