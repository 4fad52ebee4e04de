package dev.lowrank.engine.parquet;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A column, or a group of them.
 *
 * @param physical the type of a leaf's values as Parquet numbers it, or -1 for a group
 * @param maxDefinition the definition level at which this node is present
 * @param maxRepetition how many repeated nodes there are from the root to here, this one included
 * @param firstLeaf the first leaf of this node among all of the file, counted from 0
 * @param leaves how many leaves it has
 * @param unreadable why a leaf's values cannot be had, or null
 */
record SchemaNode(
        String name,
        boolean repeated,
        Form form,
        int physical,
        boolean unsigned,
        int maxDefinition,
        int maxRepetition,
        int firstLeaf,
        int leaves,
        List<SchemaNode> children,
        @Nullable String unreadable) {
    static final int BOOLEAN = 0;
    static final int INT32 = 1;
    static final int INT64 = 2;
    static final int FLOAT = 4;
    static final int DOUBLE = 5;
    static final int BYTES = 6;

    private static final List<String> TYPES =
            List.of("BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY");
    private static final int DEEPEST = 48;

    /** What a node stands for. */
    enum Form {
        VALUE,
        STRUCT,
        LIST,
        MAP
    }

    boolean isLeaf() {
        return form == Form.VALUE;
    }

    /** Reads the flat list of a file's description into a tree. */
    static SchemaNode tree(List<ThriftStruct> elements) {
        Builder builder = new Builder(elements);
        SchemaNode root = builder.node(0, 0, 0);
        if (builder.next != elements.size() || root.isLeaf()) {
            throw ParquetException.damaged("its columns are no tree");
        }
        return root;
    }

    private static final class Builder {
        private final List<ThriftStruct> elements;
        private int next;
        private int leaf;

        Builder(List<ThriftStruct> elements) {
            this.elements = elements;
        }

        SchemaNode node(int definition, int repetition, int depth) {
            if (next >= elements.size() || depth > DEEPEST) {
                throw ParquetException.damaged("its columns are no tree, or nest too deep");
            }
            ThriftStruct element = elements.get(next++);
            boolean root = depth == 0;
            long kind = root ? 0 : element.number(3, 0, 2); // required, optional, repeated
            int maxDefinition = definition + (kind == 0 ? 0 : 1);
            int maxRepetition = repetition + (kind == 2 ? 1 : 0);
            int first = leaf;
            int size = (int) element.number(5, 0);
            if (size == 0 && element.has(1)) {
                leaf++;
                int physical = element.number(1, 0, TYPES.size() - 1);
                return new SchemaNode(
                        element.text(4),
                        kind == 2,
                        Form.VALUE,
                        physical,
                        isUnsigned(element),
                        maxDefinition,
                        maxRepetition,
                        first,
                        1,
                        List.of(),
                        unreadable(element, physical));
            }
            if (size <= 0) {
                throw ParquetException.damaged("a group has no columns");
            }
            List<SchemaNode> children = new ArrayList<>();
            for (int i = 0; i < size; i++) {
                children.add(node(maxDefinition, maxRepetition, depth + 1));
            }
            return new SchemaNode(
                    element.text(4),
                    kind == 2,
                    form(element, children),
                    -1,
                    false,
                    maxDefinition,
                    maxRepetition,
                    first,
                    leaf - first,
                    List.copyOf(children),
                    null);
        }
    }

    private static Form form(ThriftStruct element, List<SchemaNode> children) {
        boolean single = children.size() == 1 && children.getFirst().repeated();
        if (single && is(element, 3, 3)) {
            return Form.LIST;
        }
        boolean pairs = single && children.getFirst().children().size() == 2;
        return pairs && (is(element, 1, 2) || is(element, 2, 2)) ? Form.MAP : Form.STRUCT;
    }

    /** Whether an element has this converted type (of old), or this logical one. */
    private static boolean is(ThriftStruct element, int converted, int logical) {
        ThriftStruct type = element.struct(10);
        return element.number(6, -1) == converted || (type != null && type.choice() == logical);
    }

    private static boolean isUnsigned(ThriftStruct element) {
        long converted = element.number(6, -1);
        ThriftStruct logical = element.struct(10);
        ThriftStruct integer = logical == null ? null : logical.struct(10);
        return (converted >= 11 && converted <= 14) || (integer != null && !integer.flag(2, true));
    }

    private static @Nullable String unreadable(ThriftStruct element, int physical) {
        long converted = element.number(6, -1);
        ThriftStruct logical = element.struct(10);
        int choice = logical == null ? -1 : logical.choice();
        boolean plain = switch (physical) {
            case BOOLEAN, FLOAT, DOUBLE -> true;
            case INT32, INT64 ->
                (converted < 0 || converted >= 11 && converted <= 18) && (choice < 0 || choice == 10 || choice == 11);
            case BYTES ->
                (converted < 0 || converted == 0 || converted == 4 || converted == 19)
                        && (choice < 0 || choice == 1 || choice == 4 || choice == 11 || choice == 12);
            default -> false;
        };
        return plain ? null : "%s that stands for a date, a decimal or the like".formatted(TYPES.get(physical));
    }
}
