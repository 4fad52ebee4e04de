package dev.lowrank.platform.web;

import dev.lowrank.db.Page;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A page of a list, as the clients read it; the next page begins after {@code lastId}. */
public record ListBody<T>(
        String object,
        List<T> data,
        boolean hasMore,
        @Nullable String firstId,
        @Nullable String lastId) {
    /** A whole list. */
    public static <T> ListBody<T> of(List<T> items, Function<T, String> id) {
        return of(new Page<>(items, false), item -> item, id);
    }

    /** A page of rows, each turned into what the client sees. */
    public static <R, T> ListBody<T> of(Page<R> page, Function<R, T> body, Function<T, String> id) {
        List<T> items = page.items().stream().map(body).toList();
        return new ListBody<>(
                "list",
                items,
                page.hasMore(),
                items.isEmpty() ? null : id.apply(items.getFirst()),
                items.isEmpty() ? null : id.apply(items.getLast()));
    }

    /** A page size; a larger one than the most is taken for the most, since there is a next page anyway. */
    public static int limit(@Nullable Integer asked, int otherwise, int most) {
        if (asked == null) {
            return otherwise;
        }
        if (asked < 1) {
            throw ApiException.badRequest(
                    "\"limit\" is %d, but must be at least 1.".formatted(asked), "limit", "invalid_value");
        }
        return Math.min(asked, most);
    }
}
