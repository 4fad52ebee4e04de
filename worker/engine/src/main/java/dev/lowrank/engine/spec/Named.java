package dev.lowrank.engine.spec;

import dev.lowrank.engine.Quoted;
import java.util.Arrays;
import java.util.stream.Collectors;

/** A choice in a spec, by the word that stands for it in JSON. */
public interface Named {
    String key();

    /**
     * The constant a word stands for.
     *
     * @throws SpecException if there is none; the message lists the words there are
     */
    static <E extends Enum<E> & Named> E parse(Class<E> type, String field, String word) {
        for (E constant : type.getEnumConstants()) {
            if (constant.key().equals(word)) {
                return constant;
            }
        }
        String words = Arrays.stream(type.getEnumConstants()).map(Named::key).collect(Collectors.joining(", "));
        throw new SpecException(field, "is %s, but must be one of: %s.".formatted(Quoted.of(word), words));
    }
}
