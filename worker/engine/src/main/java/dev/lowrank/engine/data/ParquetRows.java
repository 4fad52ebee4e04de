package dev.lowrank.engine.data;

import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.parquet.ParquetException;
import dev.lowrank.engine.parquet.ParquetFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;

/**
 * Rows of a Parquet file. A field of a group that is null was not there when the row was written: columns have no other
 * way to say so; an empty {@code tool_calls} likewise. Only {@code content} stays null, as it does in OpenAI's messages
 * beside tool calls.
 */
final class ParquetRows implements RowSource {
    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
    /** Most bytes of a stream that are copied to a temporary file. */
    private static final long MOST_SPOOLED = 8L << 30;

    private final ParquetFile file;
    private final @Nullable Path temporary;
    private long row;
    private boolean ended;

    private ParquetRows(ParquetFile file, @Nullable Path temporary) {
        this.file = file;
        this.temporary = temporary;
    }

    static RowSource open(Path path) throws IOException {
        return open(path, null);
    }

    /** Reads a stream by way of a temporary file: what a Parquet file holds is said at its end. */
    static RowSource spool(InputStream in) throws IOException {
        Path copy = Files.createTempFile("dataset", ".parquet");
        try (OutputStream out = Files.newOutputStream(copy)) {
            byte[] chunk = new byte[1 << 16];
            long copied = 0;
            for (int got = in.read(chunk); got > 0; got = in.read(chunk)) {
                copied += got;
                if (copied > MOST_SPOOLED) {
                    Files.delete(copy);
                    return new RefusedFile(in, "The file has more than %d bytes; split it.".formatted(MOST_SPOOLED));
                }
                out.write(chunk, 0, got);
            }
        } catch (IOException | RuntimeException e) {
            Files.deleteIfExists(copy);
            throw e;
        }
        return open(copy, copy);
    }

    private static RowSource open(Path path, @Nullable Path temporary) throws IOException {
        try {
            ParquetRows rows = new ParquetRows(ParquetFile.open(path, RowShape.KEYS), temporary);
            if (RowShape.isTold(new HashSet<>(rows.file.columns()))) {
                return rows;
            }
            String names = Quoted.of(String.join(", ", rows.file.columns()), 120);
            rows.close();
            return refused("No column tells the format (there is %s); name the columns as in %s."
                    .formatted(names, RowShape.known()));
        } catch (ParquetException e) {
            delete(temporary);
            return refused(String.valueOf(e.getMessage()));
        } catch (IOException | RuntimeException e) {
            delete(temporary);
            throw e;
        }
    }

    private static RefusedFile refused(String reason) {
        return new RefusedFile(InputStream.nullInputStream(), FileKind.PARQUET, reason);
    }

    private static void delete(@Nullable Path temporary) throws IOException {
        if (temporary != null) {
            Files.deleteIfExists(temporary);
        }
    }

    @Override
    public FileKind kind() {
        return FileKind.PARQUET;
    }

    @Override
    public long lines() {
        return row;
    }

    @Override
    public void close() throws IOException {
        file.close();
        delete(temporary);
    }

    @Override
    public @Nullable RawRow next() throws IOException {
        if (ended) {
            return null;
        }
        Map<String, @Nullable Object> columns;
        try {
            columns = file.next();
        } catch (ParquetException e) {
            ended = true;
            return RawRow.broken(row + 1, String.valueOf(e.getMessage()));
        }
        if (columns == null) {
            ended = true;
            return null;
        }
        row++;
        return new RawRow(row, () -> row(columns));
    }

    private static JsonNode row(Map<String, @Nullable Object> columns) {
        ObjectNode row = JSON.objectNode();
        columns.forEach((name, value) -> {
            JsonNode cell = value instanceof String text ? Cells.read(name, text) : node(value);
            if (cell != null && !cell.isNull()) {
                row.set(name, cell);
            }
        });
        return row;
    }

    private static JsonNode node(@Nullable Object value) {
        return switch (value) {
            case null -> NullNode.getInstance();
            case Boolean flag -> JSON.booleanNode(flag);
            case Long number -> JSON.numberNode(number);
            case Double number -> JSON.numberNode(number);
            case String text -> StringNode.valueOf(text);
            case List<?> list -> list(list);
            case Map<?, ?> map -> object(map);
            default -> throw new IllegalArgumentException("a " + value.getClass());
        };
    }

    private static ArrayNode list(List<?> list) {
        ArrayNode array = JSON.arrayNode(list.size());
        list.forEach(element -> array.add(node(element)));
        return array;
    }

    private static ObjectNode object(Map<?, ?> map) {
        ObjectNode object = JSON.objectNode();
        map.forEach((name, value) -> {
            boolean noCalls = name.equals("tool_calls") && value instanceof List<?> list && list.isEmpty();
            if (value == null ? name.equals("content") : !noCalls) {
                object.set(String.valueOf(name), node(value));
            }
        });
        return object;
    }
}
