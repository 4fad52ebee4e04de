package dev.lowrank.engine.template;

/** One rendering: what it has used up, and the line it is at. Every failure while rendering is made here. */
final class Run {
    private int line = 1;
    private int depth;
    private long steps;
    private long work;

    void at(int newLine) {
        line = newLine;
    }

    int line() {
        return line;
    }

    void enter(int newLine) {
        line = newLine;
        step(1);
        if (++depth > Limits.DEPTH) {
            throw fail(
                    "more than %d evaluations are inside one another; end the recursion earlier or write flatter expressions."
                            .formatted(Limits.DEPTH));
        }
    }

    void leave() {
        depth--;
    }

    /** Counts evaluations or elements looked at. */
    void step(long count) {
        steps += count;
        if (steps > Limits.STEPS) {
            throw fail("rendering takes more than %d steps; shorten the loops.".formatted(Limits.STEPS));
        }
    }

    /** Counts a scan over {@code length} characters, which is far cheaper than that many evaluations. */
    void scan(long length) {
        step(1 + length / 32);
    }

    /** Counts a search, which at worst compares the two texts at every place. */
    void search(String text, String wanted) {
        scan(text.length());
        step((long) text.length() * wanted.length() / 1024);
    }

    /** Asks for {@code length} characters before they are made. */
    void text(long length) {
        if (length > Limits.TEXT) {
            throw fail("a text would have more than %d characters; build smaller texts.".formatted(Limits.TEXT));
        }
        charge(length);
    }

    /** Asks for a list or map of {@code count} elements before it is made. */
    void elements(long count) {
        step(count);
        charge(count * Limits.ELEMENT);
    }

    private void charge(long characters) {
        work += characters;
        if (work > Limits.WORK) {
            throw fail("rendering makes more than %d characters of text and lists; build fewer intermediate values."
                    .formatted(Limits.WORK));
        }
    }

    /** @param problem the rest of the sentence, with the remedy and the full stop */
    TemplateException fail(String problem) {
        return TemplateException.at(line, problem);
    }
}
