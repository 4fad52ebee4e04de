package dev.lowrank.platform.contract;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.lowrank.db.Page;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A page of a list; some of the contract's lists also name their first and last id. */
public record ListBody<T>(
        String object,
        List<T> data,
        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String firstId,
        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String lastId,
        boolean hasMore) {

    public static <R, T> ListBody<T> of(Page<R> page, Function<R, T> body) {
        return new ListBody<>("list", page.items().stream().map(body).toList(), null, null, page.hasMore());
    }

    /** With {@code first_id} and {@code last_id}, which an empty page does not have. */
    public static <R, T> ListBody<T> withIds(Page<R> page, Function<R, T> body, Function<R, String> id) {
        List<R> items = page.items();
        return new ListBody<>(
                "list",
                items.stream().map(body).toList(),
                items.isEmpty() ? null : id.apply(items.getFirst()),
                items.isEmpty() ? null : id.apply(items.getLast()),
                page.hasMore());
    }

    /** A list that is always given whole. */
    public static <T> ListBody<T> whole(List<T> items) {
        return new ListBody<>("list", items, null, null, false);
    }
}
