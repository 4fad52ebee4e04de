package dev.lowrank.engine.compare;

import java.io.PrintStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How far a child is, as the line it writes to its parent.
 *
 * @param doing such as "training"
 * @param detail for people, such as the loss
 */
record ChildProgress(String doing, int done, int total, String detail) {
    private static final String MARK = "progress\t";

    static void tell(PrintStream parent, String doing, int done, int total, String detail, Object... values) {
        parent.println(MARK + doing + "\t" + done + "\t" + total + "\t" + String.format(Locale.ROOT, detail, values));
        parent.flush();
    }

    /** What a line says; null if it is no such line. */
    static @Nullable ChildProgress parse(String line) {
        String[] parts = line.startsWith(MARK) ? line.split("\t", 5) : new String[0];
        return parts.length < 5
                ? null
                : new ChildProgress(parts[1], Integer.parseInt(parts[2]), Integer.parseInt(parts[3]), parts[4]);
    }
}
