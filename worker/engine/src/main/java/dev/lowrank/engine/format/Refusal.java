package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** The wording of refusals: one sentence with the file, what is wrong in it, and what to do. */
public final class Refusal {
    private static final int LONGEST_SHOWN = 80;

    private Refusal() {}

    /** {@code problem} continues the sentence after the file's name, without the full stop. */
    public static InputException of(Path file, String problem) {
        return new InputException(shown(file) + " " + problem + ".");
    }

    static InputException of(Path file, String problem, Throwable cause) {
        return new InputException(shown(file) + " " + problem + ".", cause);
    }

    /** The last two names of a path: enough to find the file, without telling how the machine is laid out. */
    public static String shown(Path file) {
        Path absolute = file.toAbsolutePath().normalize();
        int names = absolute.getNameCount();
        Path tail = names > 2 ? absolute.subpath(names - 2, names) : absolute;
        return printable(tail.toString());
    }

    /** A name out of an untrusted file, in quotes, short and without control characters. */
    public static String quoted(@Nullable String text) {
        return text == null ? "nothing" : Quoted.of(printable(text));
    }

    /** A value of an untrusted JSON file; {@code missing} if it is not there. */
    static String shown(JsonNode value, String missing) {
        return value.isMissingNode() ? missing : visible(Quoted.of(value));
    }

    static String printable(String text) {
        return visible(text.length() > LONGEST_SHOWN ? text.substring(0, LONGEST_SHOWN - 1) + "…" : text);
    }

    private static String visible(String text) {
        StringBuilder out = new StringBuilder(text.length());
        text.chars()
                .forEach(c -> out.append(
                        Character.isISOControl(c)
                                        || Character.isSurrogate((char) c)
                                        || Character.getType(c) == Character.FORMAT
                                ? '?'
                                : (char) c));
        return out.toString();
    }
}
