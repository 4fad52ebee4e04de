package dev.lowrank.local.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TerminalTest {
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);

    @Test
    void statusIsRedrawnInPlaceAndStaysBelowNewLines() {
        Terminal terminal = new Terminal(out, out, true, false, 80);
        terminal.status("half");
        terminal.line("a line");
        terminal.status("whole");
        terminal.clearStatus();
        assertThat(text()).isEqualTo("half\r\u001b[2Ka line\nhalf\r\u001b[2Kwhole\r\u001b[2K");
    }

    @Test
    void statusIsNotShownWhereNothingCanBeRedrawn() {
        Terminal terminal = new Terminal(out, out, false, false, 80);
        terminal.status("half");
        terminal.line("a line");
        assertThat(text()).isEqualTo("a line\n");
    }

    @Test
    void coloursOnlyWhereTheyAreWanted() {
        assertThat(new Terminal(out, out, true, true, 80).green("yes")).isEqualTo("\u001b[32myes\u001b[0m");
        assertThat(new Terminal(out, out, true, false, 80).green("yes")).isEqualTo("yes");
    }

    private String text() {
        return written.toString(StandardCharsets.UTF_8);
    }
}
