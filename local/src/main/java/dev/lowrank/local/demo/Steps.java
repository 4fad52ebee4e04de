package dev.lowrank.local.demo;

import dev.lowrank.local.terminal.Terminal;

/** Says what was done, with the time since the last thing was. */
public final class Steps {
    private static final double WORTH_SAYING_SECONDS = 0.95;

    private final Terminal terminal;
    private long lastNanos = System.nanoTime();

    public Steps(Terminal terminal) {
        this.terminal = terminal;
    }

    public void done(String what) {
        long now = System.nanoTime();
        double seconds = (now - lastNanos) / 1e9;
        lastNanos = now;
        String took = seconds < WORTH_SAYING_SECONDS ? "" : "  " + terminal.dim(ProgressLine.duration(seconds));
        terminal.line("  " + terminal.green("✓") + " " + what + took);
    }
}
