package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Turns lines into rows, one after another; the first row it can tell settles the format of all. */
final class RowReader {
    private static final int DEEPEST = 64;
    /** A bound on the memory a line's tree may take: a line of nothing but brackets would grow thirty-fold. */
    private static final int MOST_VALUES = 2_000_000;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(DEEPEST)
                            .maxTokenCount(MOST_VALUES)
                            .maxStringLength(Integer.MAX_VALUE)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final int longestLine;
    private DataFormat format;

    RowReader(DataFormat format, int longestLine) {
        this.format = format;
        this.longestLine = longestLine;
    }

    /** What the rows are; {@link DataFormat#AUTO} until a row has told. */
    DataFormat format() {
        return format;
    }

    /** @throws RowException if the line is no sound row of the file's format */
    Row read(JsonLines.Line line) {
        JsonNode node = parse(text(line));
        DataFormat shape = RowShape.of(node, format);
        if (format == DataFormat.AUTO) {
            format = shape;
        }
        return switch (shape) {
            case CHAT -> ChatRows.read(node);
            case COMPLETION -> PlainRows.completion(node);
            case TEXT -> PlainRows.text(node);
            case TOKENIZED -> PlainRows.tokenized(node);
            case AUTO -> throw new IllegalStateException("a row's own format is never auto");
        };
    }

    private String text(JsonLines.Line line) {
        byte[] bytes = line.bytes();
        if (bytes == null) {
            throw new RowException(
                    "", "The line is longer than %d bytes; shorten or split the row.".formatted(longestLine));
        }
        int from = line.number() == 1 && startsWithMark(bytes) ? 3 : 0;
        checkNoZeros(bytes);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, from, bytes.length - from))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new RowException(
                    "",
                    "The line is not valid UTF-8 from byte %d on; save the file as UTF-8."
                            .formatted(soundBytes(bytes) + 1));
        }
    }

    private static boolean startsWithMark(byte[] bytes) {
        return bytes.length >= 3 && bytes[0] == (byte) 0xEF && bytes[1] == (byte) 0xBB && bytes[2] == (byte) 0xBF;
    }

    private static void checkNoZeros(byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == 0) {
                throw new RowException(
                        "",
                        "The line holds a NUL byte (byte %d); save the file as UTF-8 (not UTF-16) text."
                                .formatted(i + 1));
            }
        }
    }

    private static int soundBytes(byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        StandardCharsets.UTF_8.newDecoder().decode(in, CharBuffer.allocate(bytes.length), true);
        return in.position();
    }

    private static JsonNode parse(String text) {
        JsonNode node;
        try {
            node = MAPPER.readTree(text);
        } catch (StreamConstraintsException e) {
            throw new RowException(
                    "",
                    "The row nests deeper than %d, or holds more than %d values or an overlong number; simplify or split it."
                            .formatted(DEEPEST, MOST_VALUES));
        } catch (JacksonException e) {
            throw new RowException("", describe(e, text));
        }
        if (!node.isObject()) {
            throw new RowException(
                    "",
                    "The line is not a JSON object; write one object a line (JSON Lines)%s."
                            .formatted(node.isArray() ? ", not one array of all" : ""));
        }
        Texts.check("", node);
        return node;
    }

    private static String describe(JacksonException e, String text) {
        String reason = firstLine(e.getOriginalMessage());
        int column = Math.max(1, e.getLocation().getColumnNr());
        if (reason.startsWith("Duplicate")) {
            return "A key stands twice in one object (column %d); keep one of them.".formatted(column);
        }
        if (Arrays.asList("{", "[").contains(text.strip())) {
            return "The line holds only \"%s\"; put each row on one line, without line breaks inside."
                    .formatted(text.strip());
        }
        return "The line is not valid JSON at column %d (%s); correct it.".formatted(column, shortened(reason));
    }

    private static String firstLine(@Nullable String text) {
        return text == null ? "" : text.lines().findFirst().orElse("");
    }

    private static String shortened(String reason) {
        return reason.length() <= 120 ? reason : reason.substring(0, 119) + "…";
    }
}
