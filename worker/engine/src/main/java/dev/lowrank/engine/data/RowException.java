package dev.lowrank.engine.data;

/** A row that cannot be used. The message is one sentence that begins with the field, where there is one. */
final class RowException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String field;

    /**
     * @param field path inside the row ({@code messages[2].role}), or empty for the row as a whole
     * @param problem the rest of the sentence, with the remedy
     */
    RowException(String field, String problem) {
        super(field.isEmpty() ? problem : field + " " + problem, null, false, false);
        this.field = field;
    }

    String field() {
        return field;
    }

    String problem() {
        return String.valueOf(getMessage());
    }
}
