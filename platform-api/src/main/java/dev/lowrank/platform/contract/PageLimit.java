package dev.lowrank.platform.contract;

import org.jspecify.annotations.Nullable;

/** The {@code limit} of a list request. */
public final class PageLimit {
    private PageLimit() {}

    /**
     * @param limit as it was sent, or null
     * @param otherwise what counts if none was sent
     * @param most larger ones are taken for this one, as there is a next page anyway
     * @throws ApiException if it is not a positive number
     */
    public static int of(@Nullable Integer limit, int otherwise, int most) {
        if (limit == null) {
            return otherwise;
        }
        if (limit < 1) {
            throw ApiException.invalidValue("limit", "\"limit\" is %d, but must be at least 1.".formatted(limit));
        }
        return Math.min(limit, most);
    }
}
