package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Opens a dataset by what its first bytes say it is; the name only helps where they say nothing. */
final class DatasetFile {
    /** Enough for the header of any sensible table. */
    private static final int LOOKED_AT = 1 << 16;

    private DatasetFile() {}

    /**
     * Opens a file.
     *
     * @throws InputException if it is missing
     */
    static RowSource open(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new InputException(
                    "The dataset %s is missing or no file; check the path.".formatted(file.getFileName()));
        }
        InputStream in = new BufferedInputStream(Files.newInputStream(file), LOOKED_AT);
        try {
            byte[] head = head(in);
            if (isParquet(head)) {
                in.close();
                return ParquetRows.open(file);
            }
            return text(in, head, String.valueOf(file.getFileName()), DatasetLimits.DEFAULT);
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    /**
     * Opens a stream; one that holds a Parquet file is first copied to a temporary file, which goes when the source is
     * closed.
     *
     * @param name what the author calls the file, or null
     */
    static RowSource open(InputStream stream, @Nullable String name, DatasetLimits limits) throws IOException {
        InputStream in = new BufferedInputStream(stream, LOOKED_AT);
        byte[] head = head(in);
        return isParquet(head) ? ParquetRows.spool(in) : text(in, head, name == null ? "" : name, limits);
    }

    private static byte[] head(InputStream in) throws IOException {
        in.mark(LOOKED_AT);
        byte[] head = in.readNBytes(LOOKED_AT);
        in.reset();
        return head;
    }

    private static boolean isParquet(byte[] head) {
        return startsWith(head, "PAR1") || startsWith(head, "PARE");
    }

    private static boolean startsWith(byte[] head, String magic) {
        byte[] wanted = magic.getBytes(StandardCharsets.ISO_8859_1);
        return head.length >= wanted.length && Arrays.equals(head, 0, wanted.length, wanted, 0, wanted.length);
    }

    private static RowSource text(InputStream in, byte[] head, String name, DatasetLimits limits) {
        String foreign = foreign(head, name.toLowerCase(Locale.ROOT));
        if (foreign != null) {
            return new RefusedFile(in, foreign);
        }
        String start = new String(head, StandardCharsets.UTF_8);
        String text = start.startsWith("\uFEFF") ? start.substring(1) : start;
        String stripped = text.stripLeading();
        if (stripped.startsWith("[")) {
            return new JsonArray(in, limits.lineBytes());
        }
        boolean named = name.toLowerCase(Locale.ROOT).endsWith(".csv");
        if (!stripped.startsWith("{") && (named || isHeader(stripped))) {
            return CsvRows.of(in, limits);
        }
        return new JsonLines(in, limits.lineBytes());
    }

    /** What to say of a file that is none of ours, or null. */
    private static @Nullable String foreign(byte[] head, String name) {
        if (startsWith(head, "\u001f\u008b")) {
            return "The file is compressed with gzip; unpack it first.";
        }
        if (startsWith(head, "\u0028\u00b5\u002f\u00fd")) {
            return "The file is compressed with Zstandard; unpack it first.";
        }
        if (startsWith(head, "PK\u0003\u0004")) {
            return "The file is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV (UTF-8).";
        }
        if (startsWith(head, "ARROW1")) {
            return "The file is an Arrow (Feather) file; save it as Parquet or JSON Lines.";
        }
        return name.endsWith(".parquet")
                ? "The file is named .parquet, but does not begin with PAR1 as Parquet files do; copy it again, or name it for what it is."
                : null;
    }

    /** Whether the first line names columns we know, whatever separates them. */
    private static boolean isHeader(String text) {
        String line = text.lines().findFirst().orElse("");
        Set<String> names = Arrays.stream(line.split("[,;\t]"))
                .map(cell -> cell.strip().replaceAll("^\"|\"$", "").strip())
                .collect(Collectors.toSet());
        return RowShape.isTold(names);
    }
}
