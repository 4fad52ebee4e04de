package dev.lowrank.engine.parquet;

import dev.lowrank.engine.Quoted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Puts rows together from the columns' entries. Where a node is not there, each leaf below it has one entry that says how
 * deep it is defined; where it is repeated, the first leaf's entries say whether it goes on.
 */
final class RowAssembly {
    /** [leaves of the file]; null where a column is not wanted. */
    private final @Nullable ColumnCursor[] cursors;

    RowAssembly(@Nullable ColumnCursor[] cursors) {
        this.cursors = cursors;
    }

    /** The next row's value of a top-level column. */
    @Nullable
    Object read(SchemaNode column) {
        for (int leaf = column.firstLeaf(); leaf < column.firstLeaf() + column.leaves(); leaf++) {
            if (cursor(leaf).repetition() != 0) {
                throw disagree(column);
            }
        }
        return field(column);
    }

    private @Nullable Object field(SchemaNode node) {
        return node.repeated() ? repeated(node) : value(node);
    }

    /** A node that is not repeated, or one element of one that is. */
    private @Nullable Object value(SchemaNode node) {
        if (node.isLeaf()) {
            return cursor(node.firstLeaf()).take();
        }
        if (first(node).definition() < node.maxDefinition()) {
            skip(node);
            return null;
        }
        return switch (node.form()) {
            case LIST -> list(node);
            case MAP -> map(node);
            default -> struct(node);
        };
    }

    private Map<String, @Nullable Object> struct(SchemaNode node) {
        Map<String, @Nullable Object> struct = new LinkedHashMap<>();
        for (SchemaNode child : node.children()) {
            struct.put(child.name(), field(child));
        }
        return struct;
    }

    /** A list is a group of one repeated node; usually that is a group of one, the element, which old writers left out. */
    private List<@Nullable Object> list(SchemaNode node) {
        SchemaNode repeated = node.children().getFirst();
        boolean wraps = !repeated.isLeaf()
                && repeated.children().size() == 1
                && !repeated.name().equals("array")
                && !repeated.name().equals(node.name() + "_tuple")
                && repeated.form() == SchemaNode.Form.STRUCT;
        if (!wraps) {
            return repeated(repeated);
        }
        List<@Nullable Object> elements = new ArrayList<>();
        for (Object wrapper : repeated(repeated)) {
            elements.add(
                    wrapper instanceof Map<?, ?> map ? map.values().iterator().next() : null);
        }
        return elements;
    }

    private Map<String, @Nullable Object> map(SchemaNode node) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        for (Object entry : repeated(node.children().getFirst())) {
            if (entry instanceof Map<?, ?> pair) {
                List<?> keyAndValue = new ArrayList<>(pair.values());
                map.put(String.valueOf(keyAndValue.getFirst()), keyAndValue.getLast());
            }
        }
        return map;
    }

    private List<@Nullable Object> repeated(SchemaNode node) {
        List<@Nullable Object> elements = new ArrayList<>();
        ColumnCursor first = first(node);
        if (first.definition() < node.maxDefinition()) {
            skip(node);
            return elements;
        }
        do {
            elements.add(value(node));
        } while (first.hasEntry() && first.repetition() >= node.maxRepetition());
        return elements;
    }

    private void skip(SchemaNode node) {
        for (int leaf = node.firstLeaf(); leaf < node.firstLeaf() + node.leaves(); leaf++) {
            ColumnCursor cursor = cursor(leaf);
            if (cursor.definition() >= node.maxDefinition()) {
                throw disagree(node);
            }
            cursor.take();
        }
    }

    private static ParquetException disagree(SchemaNode node) {
        return ParquetException.damaged("the parts of %s do not belong together".formatted(Quoted.of(node.name())));
    }

    private ColumnCursor first(SchemaNode node) {
        return cursor(node.firstLeaf());
    }

    private ColumnCursor cursor(int leaf) {
        ColumnCursor cursor = cursors[leaf];
        if (cursor == null) {
            throw new IllegalStateException("leaf %d was not opened".formatted(leaf));
        }
        return cursor;
    }
}
