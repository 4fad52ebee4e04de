package dev.lowrank.engine.template;

import dev.lowrank.engine.InputException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A chat template that cannot be compiled or rendered; the message names the line and what to do. */
public final class TemplateException extends InputException {
    private static final long serialVersionUID = 1;

    private final int line;
    private final @Nullable String raised;

    private TemplateException(int line, String message, @Nullable String raised) {
        super(message);
        this.line = line;
        this.raised = raised;
    }

    /** @param problem the rest of the sentence, with the remedy and the full stop */
    static TemplateException at(int line, String problem) {
        return new TemplateException(line, "Chat template, line %d: %s".formatted(line, problem), null);
    }

    /** The template itself said no, with {@code raise_exception(message)}. */
    static TemplateException raisedBy(int line, String message) {
        return new TemplateException(
                line, "The chat template refuses these messages (line %d): %s".formatted(line, message), message);
    }

    /** Line of the template, from 1. */
    public int line() {
        return line;
    }

    /** The template's own words, when it was the template that refused with {@code raise_exception}. */
    public Optional<String> raised() {
        return Optional.ofNullable(raised);
    }
}
