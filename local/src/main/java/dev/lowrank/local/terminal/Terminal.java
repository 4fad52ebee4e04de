package dev.lowrank.local.terminal;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Where a person reads: lines, and one status line at the bottom that is redrawn in place when it is a real terminal.
 * Colours only there, and not where {@code NO_COLOR} is set.
 */
public final class Terminal {
    private final PrintStream out;
    private final PrintStream err;
    private final boolean live;
    private final boolean coloured;
    private final int columns;
    private String status = "";

    /**
     * @param live whether {@code out} is a terminal, on which a line can be redrawn
     * @param columns its width in characters
     */
    public Terminal(PrintStream out, PrintStream err, boolean live, boolean coloured, int columns) {
        this.out = out;
        this.err = err;
        this.live = live;
        this.coloured = coloured;
        this.columns = columns;
    }

    /** This process's terminal, as the launcher found it. */
    public static Terminal current() {
        boolean live = Boolean.getBoolean("lowrank.terminal") && !"dumb".equals(System.getenv("TERM"));
        boolean coloured = live && System.getenv().getOrDefault("NO_COLOR", "").isEmpty();
        return new Terminal(
                utf8(FileDescriptor.out),
                utf8(FileDescriptor.err),
                live,
                coloured,
                Integer.getInteger("lowrank.columns", 80));
    }

    private static PrintStream utf8(FileDescriptor descriptor) {
        return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    }

    /** The same, with everything but errors kept to itself. */
    public Terminal quiet() {
        return new Terminal(new PrintStream(PrintStream.nullOutputStream()), err, false, false, columns);
    }

    public boolean isLive() {
        return live;
    }

    public int columns() {
        return columns;
    }

    /** A line that stays. */
    public synchronized void line(String text) {
        erase();
        out.println(text);
        draw();
    }

    /** A line for the person, not for whoever reads the output: on standard error. */
    public synchronized void notice(String text) {
        erase();
        out.flush();
        err.println(text);
        draw();
    }

    /** Sets the line at the bottom. Not shown where nothing can be redrawn. */
    public synchronized void status(String text) {
        erase();
        status = text;
        draw();
    }

    public void clearStatus() {
        status("");
    }

    private void erase() {
        if (live && !status.isEmpty()) {
            out.print("\r\u001b[2K");
        }
    }

    private void draw() {
        if (live && !status.isEmpty()) {
            out.print(status);
        }
        out.flush();
    }

    public String dim(String text) {
        return styled("2", text);
    }

    public String bold(String text) {
        return styled("1", text);
    }

    public String green(String text) {
        return styled("32", text);
    }

    public String red(String text) {
        return styled("31", text);
    }

    public String cyan(String text) {
        return styled("36", text);
    }

    private String styled(String code, String text) {
        return coloured && !text.isEmpty() ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }
}
