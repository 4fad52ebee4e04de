package dev.lowrank.engine.spec;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import org.jspecify.annotations.Nullable;

/** A spec that cannot be run; the message is one sentence naming the field and the remedy. */
public final class SpecException extends InputException {
    private static final long serialVersionUID = 1;

    private final String field;

    /**
     * @param field dotted path of the field, such as {@code training.learning_rate}
     * @param problem the rest of the sentence, starting with a verb: {@code "is -1, but must be positive."}
     */
    public SpecException(String field, String problem) {
        super(Quoted.of(field) + " " + problem);
        this.field = field;
    }

    /** Refuses a field unless a condition holds. */
    static void unless(boolean holds, String field, String problem, @Nullable Object... values) {
        if (!holds) {
            throw new SpecException(field, problem.formatted(values));
        }
    }

    /** Dotted path of the field that is wrong. */
    public String field() {
        return field;
    }
}
