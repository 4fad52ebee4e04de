package dev.lowrank.engine.template;

/** Text being built; asks the run for room before it grows. */
final class Sink {
    private final Run run;
    private final StringBuilder text = new StringBuilder();

    Sink(Run run) {
        this.run = run;
    }

    Sink add(String piece) {
        if ((long) text.length() + piece.length() > Limits.TEXT) {
            run.text((long) text.length() + piece.length());
        }
        run.text(piece.length());
        text.append(piece);
        return this;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
