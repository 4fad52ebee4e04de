package dev.lowrank.engine.data;

import dev.lowrank.engine.OneLine;

/** A row that cannot be used. The message is one sentence that begins with the field, where there is one. */
final class RowException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private static final int LONGEST_FIELD = 200;
    private static final int LONGEST = 480;

    private final String field;

    /**
     * @param field path inside the row ({@code messages[2].role}), or empty for the row as a whole
     * @param problem the rest of the sentence, with the remedy
     */
    RowException(String field, String problem) {
        super(OneLine.of(field.isEmpty() ? problem : printable(field) + " " + problem, LONGEST), null, false, false);
        this.field = printable(field);
    }

    private RowException(String field, String sentence, boolean whole) {
        super(OneLine.of(sentence, LONGEST), null, false, whole);
        this.field = field;
    }

    /** The same, of a field inside of this one. */
    RowException under(String outer) {
        return new RowException(
                field.isEmpty() ? outer : printable(outer) + "." + field,
                field.isEmpty() ? outer + ": " + problem() : printable(outer) + "." + problem(),
                false);
    }

    /** The same, said of one of the answers of a pair. */
    RowException of(String answer) {
        return new RowException(field, "In the %s answer: %s".formatted(answer, problem()), false);
    }

    /** A path may hold names that the row's author chose: short, and nothing that steers a terminal. */
    private static String printable(String field) {
        return OneLine.of(field.length() > LONGEST_FIELD ? field.substring(0, LONGEST_FIELD - 1) + "…" : field);
    }

    String field() {
        return field;
    }

    String problem() {
        return String.valueOf(getMessage());
    }
}
