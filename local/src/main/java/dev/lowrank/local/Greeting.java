package dev.lowrank.local;

import dev.lowrank.local.terminal.Terminal;

/** Says where the console is and, once in a platform's life, its key; each on a line of its own, to be copied. */
final class Greeting {
    private Greeting() {}

    static void print(Terminal terminal, Platform platform) {
        terminal.line(terminal.dim("The console:"));
        terminal.line(platform.console().toString());
        platform.bootstrapKey().ifPresent(key -> {
            terminal.line(terminal.dim("Your key, for the console and the API (keep it, it is shown only this once):"));
            terminal.line(key);
        });
    }
}
