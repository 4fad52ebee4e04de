package dev.lowrank.engine.compare;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.Durable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A Markdown page, of which only the part between two marks is the machine's. */
final class Page {
    private static final String BEGIN =
            "<!-- compare: from here to the end mark, this is written by ./lowrank compare -->";
    private static final String END = "<!-- compare: end -->";

    private Page() {}

    /** @throws InputException if there is a page without the marks, which would be lost */
    static void requireWritable(Path file) throws IOException {
        if (Files.exists(file)) {
            String text = Files.readString(file);
            int begin = text.indexOf(BEGIN);
            if (begin < 0 || text.indexOf(END, begin) < 0) {
                throw new InputException(
                        "%s exists and has no part for the comparison; choose another --output, or put the lines \"%s\" and \"%s\" where it belongs."
                                .formatted(file, BEGIN, END));
            }
        }
    }

    static void write(Path file, String markdown) throws IOException {
        requireWritable(file);
        String text =
                Files.exists(file) ? Files.readString(file) : "# Methods compared\n\n" + BEGIN + "\n" + END + "\n";
        int begin = text.indexOf(BEGIN) + BEGIN.length();
        String page = text.substring(0, begin) + "\n\n" + markdown + "\n" + text.substring(text.indexOf(END, begin));
        Durable.write(file, page.getBytes(StandardCharsets.UTF_8));
    }
}
