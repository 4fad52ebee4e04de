package dev.lowrank.engine.parquet;

import dev.lowrank.engine.Quoted;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a Parquet file, in order. Bounds: 64 MiB a page, 512 MiB of pages at once, 16 MiB and 2,000,000 values a row,
 * 16 MiB of description; all rows together 1 GiB and 200 times the file's size.
 */
public final class ParquetFile implements AutoCloseable {
    private final FileChannel file;
    private final Footer footer;
    private final List<SchemaNode> columns;
    private final Bounds bounds;
    private @Nullable ColumnCursor[] cursors = new ColumnCursor[0];
    private RowAssembly assembly = new RowAssembly(cursors);
    private int nextGroup;
    private long leftInGroup;

    private ParquetFile(FileChannel file, Footer footer, List<SchemaNode> columns, Bounds bounds) {
        this.file = file;
        this.footer = footer;
        this.columns = columns;
        this.bounds = bounds;
    }

    /**
     * Opens a file.
     *
     * @param wanted names of the top-level columns to read, where the file has them; others are never looked into
     * @throws ParquetException if it is damaged, or a wanted column holds what has no form in JSON
     * @throws IOException if it cannot be read
     */
    public static ParquetFile open(Path path, Set<String> wanted) throws IOException {
        FileChannel file = FileChannel.open(path, StandardOpenOption.READ);
        try {
            Footer footer = Footer.read(file);
            List<SchemaNode> columns = footer.root().children().stream()
                    .filter(column -> wanted.contains(column.name()))
                    .toList();
            columns.forEach(ParquetFile::checkReadable);
            return new ParquetFile(file, footer, columns, new Bounds(file.size()));
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static void checkReadable(SchemaNode node) {
        if (node.unreadable() != null) {
            throw new ParquetException("Column %s has values of type %s; write them as strings or whole numbers."
                    .formatted(Quoted.of(node.name()), node.unreadable()));
        }
        node.children().forEach(ParquetFile::checkReadable);
    }

    /** Names of all top-level columns, wanted or not. */
    public List<String> columns() {
        return footer.root().children().stream().map(SchemaNode::name).toList();
    }

    /**
     * The next row, or null at the end: by column name a Boolean, Long, Double, String, List, Map or null.
     *
     * @throws ParquetException if the file is damaged from here on
     * @throws IOException if it cannot be read
     */
    public @Nullable Map<String, @Nullable Object> next() throws IOException {
        try {
            return read();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private @Nullable Map<String, @Nullable Object> read() {
        while (leftInGroup == 0) {
            checkGroupIsUsedUp();
            if (columns.isEmpty() || nextGroup == footer.groups().size()) {
                return null;
            }
            open(footer.groups().get(nextGroup++));
        }
        leftInGroup--;
        bounds.startRow();
        Map<String, @Nullable Object> row = new LinkedHashMap<>();
        for (SchemaNode column : columns) {
            row.put(column.name(), assembly.read(column));
        }
        return row;
    }

    private void open(Footer.Group group) {
        release();
        cursors = new ColumnCursor[footer.root().leaves()];
        for (SchemaNode column : columns) {
            open(column, group);
        }
        assembly = new RowAssembly(cursors);
        leftInGroup = group.rows();
    }

    private void open(SchemaNode node, Footer.Group group) {
        if (node.isLeaf()) {
            int leaf = node.firstLeaf();
            cursors[leaf] = new ColumnCursor(file, node, group.chunks().get(leaf), bounds);
        }
        node.children().forEach(child -> open(child, group));
    }

    private void checkGroupIsUsedUp() {
        for (ColumnCursor cursor : cursors) {
            if (cursor != null && cursor.hasEntry()) {
                throw ParquetException.damaged("a column has more rows than its group");
            }
        }
    }

    private void release() {
        for (ColumnCursor cursor : cursors) {
            if (cursor != null) {
                cursor.close();
            }
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
