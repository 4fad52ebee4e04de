package dev.lowrank.local;

import dev.lowrank.local.process.ChildEvents;
import dev.lowrank.local.terminal.Terminal;
import java.time.Duration;

/** Tells the person at the terminal when a server died and comes again. */
record RestartNotices(Terminal terminal) implements ChildEvents {
    @Override
    public void restarting(String child, String ending, Duration wait) {
        terminal.notice(
                "%s %s; it is started again in %.1f s (see its log).".formatted(child, ending, wait.toMillis() / 1e3));
    }
}
