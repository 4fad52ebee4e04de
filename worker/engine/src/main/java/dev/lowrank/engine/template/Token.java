package dev.lowrank.engine.template;

/**
 * A piece of template source.
 *
 * @param text the name, operator, string content (escapes resolved) or literal text; a number as written
 */
record Token(Kind kind, String text, int line) {
    enum Kind {
        DATA,
        PRINT_BEGIN,
        PRINT_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean isOperator(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    String shown() {
        return switch (kind) {
            case DATA -> "text";
            case PRINT_BEGIN -> "{{";
            case PRINT_END -> "}}";
            case BLOCK_BEGIN -> "{%";
            case BLOCK_END -> "%}";
            case END -> "the end of the template";
            case STRING -> "a text in quotes";
            case NAME, INTEGER, FLOAT, OPERATOR -> "\"" + text + "\"";
        };
    }
}
