package dev.lowrank.engine.export;

import dev.lowrank.engine.format.GgufType;
import java.nio.file.Path;
import java.util.List;

/**
 * What was written, and read back.
 *
 * @param type of the matrices
 * @param notes sentences without a full stop about what the program that reads the file does otherwise
 */
public record ExportReport(Path file, String architecture, GgufType type, int tensors, long bytes, List<String> notes) {
    public ExportReport {
        notes = List.copyOf(notes);
    }
}
